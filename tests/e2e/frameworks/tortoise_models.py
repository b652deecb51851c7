"""The pets, users and items of the tests with Tortoise."""

from tortoise import fields
from tortoise.models import Model


class User(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=100, db_index=True)

    class Meta:
        table = "users"


class Item(Model):
    id = fields.IntField(primary_key=True)
    title = fields.CharField(max_length=100)
    price = fields.IntField(default=0)
    owner = fields.ForeignKeyField("models.User", related_name="items", on_delete=fields.CASCADE)

    class Meta:
        table = "items"


class Pet(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=100)
    type = fields.CharField(max_length=100)
    owner = fields.ForeignKeyField("models.User", related_name="pets", on_delete=fields.RESTRICT)

    class Meta:
        table = "pets"
