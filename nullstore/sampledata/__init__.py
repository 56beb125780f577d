"""Believable rows for both databases, at any size: generated from a seed, written with COPY.

loading.py is the way in. Each subject has a module that makes its rows and a function that writes them.
"""
