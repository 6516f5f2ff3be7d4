from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person who signs in: Django's own user until this project needs more."""
