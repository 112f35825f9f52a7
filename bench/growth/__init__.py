"""Growth of talk under a post: which posts reach 300 rows, told from their first 30, in folds over posts."""
