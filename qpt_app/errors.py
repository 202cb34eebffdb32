"""Every error that qpt raises on purpose.

A bad photo is a *value* (a row with a status and a reason); these errors stop a run.
Each message is one line: what is wrong, where, and how to mend it.

    QptError                      exit code 1 unless stated
    ├── UsageError                a bad argument, path or option (exit code 2)
    │   └── SettingsError         a settings file or QPT_* variable that cannot be used
    ├── ModelError                a model file that cannot be used
    │   ├── ModelNotFoundError    no model of that name or path
    │   ├── ModelFormatError      not a model file, or of an unknown version
    │   └── ModelDigestError      its content does not match its digest
    ├── DeviceError               the device asked for is not there (exit code 2)
    ├── RecipeError               a training recipe with an unknown, missing or bad field (exit 2)
    ├── DatasetError              a training or evaluation set that cannot be read (exit 2)
    ├── CheckpointError           a checkpoint that is missing, cut short or of another run
    ├── NonFiniteLossError        training stopped before a non-finite step was taken
    ├── StorageError              a file could not be written; the old one is intact
    ├── DecisionsError            the decisions database cannot be used
    │   └── NewerSchemaError      it was written by a newer qpt
    ├── XmpError                  an XMP packet that cannot be read or merged
    └── FileOperationError        a move, copy or trash that was refused or failed
        └── TrashUnavailableError there is no trash for that volume
"""


class QptError(Exception):
    """Base of all errors raised on purpose. The message is one line for the user."""

    exit_code = 1


class UsageError(QptError):
    """A bad argument, path or option."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings file or QPT_* variable that cannot be used."""


class ModelError(QptError):
    """A model file that cannot be used."""


class ModelNotFoundError(ModelError):
    """No model of that name or path."""

    exit_code = 2


class ModelFormatError(ModelError):
    """Not a model file, or one of an unknown version."""


class ModelDigestError(ModelError):
    """The content of a model file does not match its digest."""


class DeviceError(QptError):
    """The device asked for is not there."""

    exit_code = 2


class RecipeError(QptError):
    """A training recipe with an unknown, missing or bad field."""

    exit_code = 2


class DatasetError(QptError):
    """A training or evaluation set that cannot be read."""

    exit_code = 2


class CheckpointError(QptError):
    """A checkpoint that is missing, cut short or of another run."""


class NonFiniteLossError(QptError):
    """Training stopped before a non-finite step was taken."""


class StorageError(QptError):
    """A file could not be written; the old one is intact."""


class DecisionsError(QptError):
    """The decisions database cannot be used."""


class NewerSchemaError(DecisionsError):
    """The decisions database was written by a newer qpt."""


class XmpError(QptError):
    """An XMP packet that cannot be read or merged."""


class FileOperationError(QptError):
    """A move, copy or trash that was refused or failed."""


class TrashUnavailableError(FileOperationError):
    """There is no trash for that volume."""
