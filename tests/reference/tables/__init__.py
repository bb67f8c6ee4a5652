"""The tables of docs/learning.md, a module for each part; tests/reference/learning puts them there."""
