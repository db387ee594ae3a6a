"""tau-bench's domains (Yao et al. 2024, arXiv 2406.12045): a retail shop and an airline."""
