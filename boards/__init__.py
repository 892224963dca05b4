"""Boards, as data, and the one design that runs on all of them."""
