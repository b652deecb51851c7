"""The pets, users and items of the tests with Django."""

from django.db import models


class User(models.Model):
    name = models.CharField(max_length=100, db_index=True)

    class Meta:
        db_table = "users"


class Item(models.Model):
    title = models.CharField(max_length=100)
    price = models.IntegerField(default=0)
    owner = models.ForeignKey(User, models.CASCADE, related_name="items")

    class Meta:
        db_table = "items"


class Pet(models.Model):
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    owner = models.ForeignKey(User, models.PROTECT, related_name="pets")

    class Meta:
        db_table = "pets"
