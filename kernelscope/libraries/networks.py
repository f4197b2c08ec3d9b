"""What holds for networks of any library: how people speak of them."""

from kernelscope.libraries.base import Words

NETWORK_WORDS = Words(
    noun="network",
    fitted="trained",
    blank="not trained yet",
    began="was trained, having learned nothing before",  # or nothing that was left: it may have been cleared
    began_anew="was trained again",
    went_on="was trained further",
    values="weights",
)

# TODO: remove when the verdicts ask the rules.
BATCH_STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
KERAS_BATCH_STATISTICS = frozenset({"moving_mean", "moving_variance"})
