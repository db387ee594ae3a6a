"""Questions on small tables and sums, answered with the help of a sandboxed Python."""
