"""The permission to reveal a secret, and the index that finds the same secret at two agents."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("erebus_app", "0003_replication")]

    operations = [
        migrations.AlterModelOptions(
            name="agentapikey",
            options={
                "permissions": [("reveal_agentapikey", "Can reveal the secret of an API key")],
                "verbose_name": "API key",
                "verbose_name_plural": "API keys",
            },
        ),
        # A small table, and a column that changes with the secret only: plain CREATE INDEX, little cost.
        migrations.AddIndex(
            model_name="agentapikey",
            index=models.Index(fields=["key_fingerprint"], name="agent_api_keys_fingerprint"),
        ),
    ]
