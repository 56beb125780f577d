"""The columns of a model that holds one encrypted secret, and the only two ways to it."""

from django.db import models
from django.views.decorators.debug import sensitive_variables

from nullstore import encryption
from nullstore.fields import FixedCharField

_PREFIX = 7
_SUFFIX = 4


class EncryptedSecret(models.Model):
    """Abstract. Write the secret with set_secret(), read it with reveal(); the column holds ciphertext only."""

    secret = models.BinaryField()
    key_prefix = models.CharField(max_length=20, null=True, blank=True, editable=False)
    key_suffix = models.CharField(max_length=20, null=True, blank=True, editable=False)
    key_fingerprint = FixedCharField(max_length=16, null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @sensitive_variables()
    def set_secret(self, text: str) -> None:
        """Encrypt `text` for this row and set what people may see of it; saves nothing.

        White space around it is removed. Raises TypeError or ValueError, without the text, if it is no secret.
        """
        secret = _clean(text)
        self.secret = encryption.encrypt(secret, self.secret_cell())
        self.key_prefix, self.key_suffix = visible_ends(secret)
        self.key_fingerprint = encryption.fingerprint(secret)

    def reveal(self) -> str:
        """Return the secret; raise DecryptionError, which names row and key id, if it cannot be decrypted."""
        return encryption.decrypt(self.secret, self.secret_cell())

    def secret_cell(self) -> encryption.Cell:
        """Return the place that the secret is bound to; raise ValueError while the row has no primary key."""
        key = self._meta.pk.to_python(self.pk)
        if key is None:
            raise ValueError(f"{self._meta.label} has no primary key yet; a secret is bound to its row's key.")
        return encryption.Cell(self._meta.db_table, "secret", str(key))


def visible_ends(secret: str) -> tuple[str | None, str | None]:
    """Return the first 7 and the last 4 characters of `secret`, fewer of a short one.

    Never more than a quarter of it in all, so everything is shown from 44 characters on; the end takes up to half of
    that quarter. An end of which nothing may be seen is None.
    """
    shown = len(secret) // 4
    suffix = min(_SUFFIX, shown // 2)
    prefix = min(_PREFIX, shown - suffix)
    return secret[:prefix] or None, secret[len(secret) - suffix :] or None


@sensitive_variables()
def _clean(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"A secret is text (str), not {type(text).__name__}.")
    secret = text.strip()
    if not secret:
        raise ValueError("The secret is empty.")
    if not secret.isprintable():
        raise ValueError(
            "The secret holds a line break or another invisible character inside. Paste the one key and nothing else."
        )
    return secret
