"""Who is speaking? One label for each sequence of unequal length: chapter 12.

270 utterances by nine speakers are for training, 370 others for the test. GRUs
read them padded with zeros, and differ in what the linear layer gets to see.
Linear models see a summary of each utterance, or seven frames that are
interpolated from it. All choose their settings by cross-validation in five
parts of the training utterances. GRUs are then trained with five seeds; one
thread.

Usage: python benchmarks/labels.py    (about three minutes)
"""

import time

import numpy as np
import torch
from peers import run_quietly, versions
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import OneCycleLR

from gru_tutorial import CompiledGRU, load_vowels
from gru_tutorial.book.results import load_average, store

SEEDS, CHOICE_SEED, PARTS, BATCH = range(5), 100, 5, 30
READS = ("last step", "last frame", "mean of frames")
SETTINGS = [
    {"hidden": hidden, "epochs": epochs, "noise": noise}
    for hidden, epochs, noise in (
        (32, 20, 0.0),
        (32, 60, 0.0),
        (32, 60, 0.3),
        (64, 60, 0.3),
    )
]
LENGTHS = (29, 35, 45, 60, 100)  # to which the test is padded
STRENGTHS = [10.0**power for power in range(-4, 5)]
LINEAR = {
    "logistic regression": lambda c: LogisticRegression(C=c, max_iter=5000),
    "ridge classifier": lambda c: RidgeClassifier(alpha=1 / c),
}


class Classifier(nn.Module):
    """A GRU, and a linear layer that sees its last state or their mean."""

    def __init__(self, hidden, read):
        super().__init__()
        self.gru = CompiledGRU(12, hidden, batch_first=True)
        self.linear, self.read = nn.Linear(hidden, 9), read

    def forward(self, x, lengths):
        """Return a score for each speaker, (batch, 9)."""
        out, _ = self.gru(x)
        if self.read == "last step":
            return self.linear(out[:, -1])
        if self.read == "last frame":
            return self.linear(out[torch.arange(len(x)), lengths - 1])
        real = torch.arange(x.shape[1]) < lengths[:, None]
        total = (out * real[..., None]).sum(dim=1)
        return self.linear(total / lengths[:, None])


def scale_of(utterances):
    """Return mean and spread of all frames."""
    frames = np.concatenate(utterances)
    return frames.mean(axis=0), frames.std(axis=0)


def padded(utterances, scale, longest=0):
    """Return frames scaled and padded with zeros, and lengths."""
    mean, std = scale
    rows = [
        torch.tensor((one - mean) / std, dtype=torch.float32)
        for one in utterances
    ]
    x = pad_sequence(rows, batch_first=True)
    x = nn.functional.pad(x, (0, 0, 0, max(longest - x.shape[1], 0)))
    return x, torch.tensor([len(one) for one in utterances])


def train(utterances, speakers, read, seed, hidden, epochs, noise):
    """Train a classifier; return it, and the scale of its input."""
    torch.manual_seed(seed)
    rng, model = np.random.default_rng(seed), Classifier(hidden, read)
    scale = scale_of(utterances)
    x, lengths = padded(utterances, scale)
    y = torch.from_numpy(speakers)
    real = torch.arange(x.shape[1]) < lengths[:, None]
    optimizer = torch.optim.Adam(model.parameters())
    updates = epochs * -(-len(y) // BATCH)
    schedule = OneCycleLR(optimizer, 0.01, updates, cycle_momentum=False)
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(len(y)))
        for at in order.split(BATCH):
            drawn = rng.standard_normal(x[at].shape, dtype=np.float32)
            noisy = x[at] + noise * torch.from_numpy(drawn) * real[at, :, None]
            scores = model(noisy, lengths[at])
            loss = nn.functional.cross_entropy(scores, y[at])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model, scale


def errors_of(model, scale, utterances, speakers, longest=0):
    """Count the utterances that get a wrong speaker."""
    x, lengths = padded(utterances, scale, longest)
    with torch.no_grad():
        said = model(x, lengths).argmax(dim=1).numpy()
    return int((said != speakers).sum())


def parts_of(utterances, speakers):
    """Yield training and validation part, with all speakers in each."""
    for part in range(PARTS):
        held = np.arange(len(speakers)) % PARTS == part
        past, new = (
            [one for one, here in zip(utterances, which, strict=True) if here]
            for which in (~held, held)
        )
        yield past, speakers[~held], new, speakers[held]


def gru_choice(data, read):
    """Return the errors of cross-validation for all settings."""
    found = []
    for settings in SETTINGS:
        errors = 0
        for past, known, held, truth in parts_of(*data[:2]):
            model = train(past, known, read, CHOICE_SEED, **settings)
            errors += errors_of(*model, held, truth)
        found.append({"settings": settings, "errors": errors})
        print(read, settings, errors, flush=True)
    return found


def gru_run(data, read, seed, settings):
    """Train with one seed; count errors, for several lengths of padding."""
    start = time.process_time()
    model = train(*data[:2], read, seed, **settings)
    seconds = time.process_time() - start
    errors = [errors_of(*model, *data[2:], longest) for longest in LENGTHS]
    print(read, seed, errors, flush=True)
    return {"seed": seed, "errors": errors, "cpu_s": round(seconds, 2)}


def summary(utterances):
    """Return means, spreads, first and last frames, and lengths."""
    return np.array(
        [
            np.r_[x.mean(axis=0), x.std(axis=0), x[0], x[-1], len(x)]
            for x in utterances
        ]
    )


def resampled(utterances, points=7):
    """Return frames that are interpolated at equal distances."""
    rows = []
    for x in utterances:
        at = np.linspace(0, len(x) - 1, points)
        rows.append([np.interp(at, np.arange(len(x)), c) for c in x.T])
    return np.array(rows).reshape(len(rows), -1)


def both(utterances):
    """Return summary and frames side by side."""
    return np.hstack([summary(utterances), resampled(utterances)])


FEATURES = {"summary": summary, "seven frames": resampled, "both": both}


def linear_errors(kind, features, strength, past, known, new, truth):
    """Fit a linear classifier, and count its errors."""
    fitted = make_pipeline(StandardScaler(), LINEAR[kind](strength))
    fitted.fit(FEATURES[features](past), known)
    return int((fitted.predict(FEATURES[features](new)) != truth).sum())


def linear_row(data, kind, features):
    """Choose a linear classifier's strength, and count its errors."""
    swept = [
        sum(
            linear_errors(kind, features, strength, *part)
            for part in parts_of(*data[:2])
        )
        for strength in STRENGTHS
    ]
    strength = STRENGTHS[int(np.argmin(swept))]
    errors = linear_errors(kind, features, strength, *data)
    print(kind, features, strength, min(swept), errors, flush=True)
    return {
        "model": kind,
        "features": features,
        "strength": float(strength),
        "choice_errors": min(swept),
        "errors": errors,
    }


def main():
    """Choose settings, run all, and store."""
    run_quietly()
    load, data = load_average(), tuple(load_vowels())
    linear = [linear_row(data, kind, f) for kind in LINEAR for f in FEATURES]
    grus = {}
    for read in READS:
        swept = gru_choice(data, read)
        best = min(swept, key=lambda one: one["errors"])["settings"]
        runs = [gru_run(data, read, seed, best) for seed in SEEDS]
        grus[read] = {"choice": swept, "settings": best, "runs": runs}
    results = {
        "versions": versions("scikit-learn"),
        "tested": len(data[3]),
        "lengths": list(LENGTHS),
        "linear": linear,
        "gru": grus,
    }
    store("labels", results, load=load, repetitions=len(SEEDS))


if __name__ == "__main__":
    main()
