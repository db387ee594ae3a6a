"""WebShop (Yao et al., 2022, arXiv 2207.01206) in plain Python: buy the product that an instruction describes."""
