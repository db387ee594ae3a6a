"""Tool-use environments: a database, tools that read and change it, a policy, a user with a request."""
