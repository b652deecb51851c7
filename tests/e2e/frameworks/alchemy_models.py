"""The pets, users and items of the tests with SQLAlchemy."""

import sqlalchemy as sa
from conftest import ALL
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), index=True)
    items: Mapped[list["Item"]] = relationship(back_populates="owner", order_by="Item.id",
                                               cascade="all, delete-orphan")
    pets: Mapped[list["Pet"]] = relationship(back_populates="keeper", order_by="Pet.id")


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(100))
    price: Mapped[int] = mapped_column(default=0)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    owner: Mapped[User] = relationship(back_populates="items")


class Pet(Base):
    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    type: Mapped[str] = mapped_column(sa.String(100))
    owner: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    keeper: Mapped[User] = relationship(back_populates="pets")


def places(drivers: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Every server with every driver of its family."""
    return [(name, driver) for name in ALL
            for driver in drivers["postgresql" if name.startswith("pg") else "mysql"]]


def place_id(place) -> str:
    return "-".join(place)


def count_of(name: str):
    return sa.select(sa.func.count()).select_from(User).where(User.name == name)
