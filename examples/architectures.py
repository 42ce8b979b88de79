"""Every published network that sktag builds, beside what its paper's table gives.

python examples/architectures.py            # the table
python examples/architectures.py fcn4 se    # these layer by layer
"""

import sys

from sktag import (
    CNN1DClassifier,
    CNN1DRegressor,
    CNN2DClassifier,
    SampleCNNClassifier,
)

# Parameters by the papers' layer tables, for 50 outputs (40 of "spotify2014"); None
# where none is given. The networks of 2018 are those with multi-level pooling.
PUBLISHED = {
    "dieleman2014": (CNN1DClassifier("dieleman2014"), 50, None),
    "spotify2014": (CNN1DRegressor("spotify2014"), 40, 8_607_016),
    "fcn4": (CNN2DClassifier("fcn4"), 50, 17_365_938),
    "fcn5": (CNN2DClassifier("fcn5"), 50, 25_183_026),
    "fcn6": (CNN2DClassifier("fcn6"), 50, 27_232_050),
    "fcn7": (CNN2DClassifier("fcn7"), 50, 28_283_698),
    "music_tagger_cnn": (CNN2DClassifier("music_tagger_cnn"), 50, 447_732),
    "short_chunk": (CNN2DClassifier("short_chunk"), 50, 3_687_348),
    "short_chunk_res": (CNN2DClassifier("short_chunk_res"), 50, 12_104_244),
    "musicnn": (CNN2DClassifier("musicnn"), 50, None),
    "sample_cnn": (SampleCNNClassifier(), 50, 1_869_874),
    "basic": (SampleCNNClassifier("basic"), 50, 2_683_442),
    "se": (SampleCNNClassifier("se"), 50, 2_858_066),
    "res1": (SampleCNNClassifier("res1"), 50, 2_849_586),
    "res2": (SampleCNNClassifier("res2"), 50, 4_920_882),
    "rese1": (SampleCNNClassifier("rese1"), 50, 3_024_210),
    "rese2": (SampleCNNClassifier("rese2"), 50, 5_095_506),
}


def main():
    """Print the table, or the layers of the networks that are named."""
    for name in sys.argv[1:]:
        if name not in PUBLISHED:
            sys.exit(f"{name!r} is none of {', '.join(PUBLISHED)}.")
        estimator, n_outputs, _ = PUBLISHED[name]
        print(estimator.summary(n_outputs=n_outputs), end="\n\n")
    if sys.argv[1:]:
        return
    print(f"{'network':18}{'parameters':>12}{'published':>12}{'multiply-adds':>16}")
    for name, (estimator, n_outputs, published) in PUBLISHED.items():
        summary = estimator.summary(n_outputs=n_outputs)
        given = "" if published is None else f"{published:,}"
        print(
            f"{name:18}{summary.n_parameters:>12,}{given:>12}"
            f"{summary.n_multiply_adds:>16,}"
        )


if __name__ == "__main__":
    main()
