"""A city library's desk: a tool domain that ships with the package, with requests made from seeds."""
