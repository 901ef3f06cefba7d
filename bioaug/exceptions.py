"""The errors and warnings that bioaug raises."""


class BioaugError(Exception):
    """Base of every error that bioaug raises by itself."""


class DataError(BioaugError, ValueError):
    """The signals, the labels or a parameter cannot be used as they were given."""


class LeakError(DataError):
    """Something would be scored on patients or rows that its generator or classifier has seen."""


class CheckpointError(BioaugError, ValueError):
    """A saved model or training state is damaged, foreign, or does not fit this run."""


class TrainingDivergedError(BioaugError, RuntimeError):
    """A loss turned NaN or infinite before the generator had learned anything worth keeping."""


class TrainingWarning(UserWarning):
    """Training ended early, its generator looks collapsed, or its state could not be written."""


class QualityWarning(UserWarning):
    """The synthetic signals of a class look poor beside real ones."""


class LeakWarning(UserWarning):
    """What a generator has seen, or which rows were made, is not known or not known any more."""


class DataWarning(UserWarning):
    """Signals can be used as they were given, but look unlike what was meant."""
