"""Commands for manage.py, a module each."""
