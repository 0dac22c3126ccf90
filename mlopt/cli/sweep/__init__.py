"""`mlopt -m`: a sweep of studies, ended by a comparison of them."""
