"""The course notebook's own network, and the claims that it makes."""
