"""Settings are checked once, compared, and kept in files."""

import functools

import pytest
import torch
from torch import nn

from gru_tutorial import CAREFUL, PATIENT, QUICK, Recipe
from gru_tutorial.recipe import name_of


def test_a_recipe_cannot_be_changed_but_others_can_be_made_of_it():
    recipe = Recipe(lr=1)
    with pytest.raises(AttributeError):
        recipe.lr = 0.1
    assert recipe.but(clip=2).clip == 2.0
    assert recipe.clip is None
    assert type(recipe.lr) is float


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("num_epochs", 0, "num_epochs: expected a whole number"),
        ("lr", float("nan"), "lr: expected a finite number above 0"),
        ("one_cycle", 1, "one_cycle: expected True or False"),
        ("clip", 0, "clip: expected a finite number above 0"),
        ("input_noise", -1, "input_noise: expected"),
        ("burn_in", 1.5, "burn_in: expected a whole number"),
        ("patience", 0, "patience: expected a whole number"),
        ("seed", -1, "seed: expected a whole number from 0"),
        ("batch_size", 0, "batch_size: expected a whole number"),
        ("chunk", "a", "chunk: expected a whole number"),
        ("stride", 0, "stride: expected a whole number"),
        ("optimizer", "adam", "optimizer: expected a class such as"),
        ("loss", nn.MSELoss, "loss: .* call it first"),
        ("epochs", 3, "epochs: expected one of a recipe's settings"),
    ],
)
def test_a_setting_out_of_range_is_named(setting, value, message):
    with pytest.raises(ValueError, match=message):
        Recipe().but(**{setting: value})


@pytest.mark.parametrize("recipe", [Recipe(), QUICK, CAREFUL, PATIENT])
def test_plain_values_make_the_same_recipe_again(recipe):
    plain = recipe.plain()
    assert all(
        value is None or isinstance(value, (str, int, float))
        for value in plain.values()
    )
    assert Recipe.of(plain) == recipe


def test_functions_of_pytorch_come_back_and_others_say_who_they_were():
    ours = Recipe(optimizer=torch.optim.SGD, loss=nn.L1Loss())
    again = Recipe.of(ours.plain())
    assert again.optimizer is torch.optim.SGD
    assert isinstance(again.loss, nn.L1Loss)

    def mine(y_hat, y):
        return (y_hat - y).abs().mean()

    again = Recipe.of(Recipe(loss=mine).plain())
    assert again.plain() == Recipe(loss=mine).plain()
    with pytest.raises(ValueError, match=r"loss: .* only the name .*mine"):
        again.loss(1, 2)


def test_arguments_tell_functions_apart():
    names = {
        name_of(function)
        for function in (
            torch.optim.SGD,
            functools.partial(torch.optim.SGD, momentum=0.9),
            functools.partial(torch.optim.SGD, momentum=0.8),
            nn.HuberLoss(),
            nn.HuberLoss(delta=5.0),
            nn.SmoothL1Loss(beta=0.1),
            nn.MSELoss(),
            nn.MSELoss(reduction="sum"),
        )
    }
    assert len(names) == 8


def test_a_loss_with_options_does_not_come_back_without_them():
    again = Recipe.of(Recipe(loss=nn.HuberLoss(delta=5.0)).plain())
    with pytest.raises(ValueError, match=r"kept only the name .*delta=5\.0"):
        again.loss(torch.zeros(1), torch.zeros(1))
