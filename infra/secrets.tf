locals {
  # By environment variable: the secret that it holds. `worker` gets all of them.
  secrets = {
    RUNWAY_API_KEY         = "runway-api-key"
    GEMINI_API_KEY         = "gemini-api-key"
    WEBHOOK_SIGNING_SECRET = "webhook-signing-secret"
  }
  # `api` reads this one, to refuse a webhook if it is missing, and never the vendors' keys.
  webhook_secret = { for name, secret in local.secrets : name => secret if name == "WEBHOOK_SIGNING_SECRET" }
}

resource "google_secret_manager_secret" "keys" {
  for_each = local.secrets

  secret_id = each.value
  replication {
    auto {}
  }

  depends_on = [google_project_service.apis]
}

# A function that uses `latest` of a secret without a version does not deploy. The code
# treats `unset` as not configured. Terraform never sees a real key.
resource "google_secret_manager_secret_version" "unset" {
  for_each = local.secrets

  secret                 = google_secret_manager_secret.keys[each.key].id
  secret_data_wo         = "unset"
  secret_data_wo_version = 1

  lifecycle {
    # If this version was destroyed, a later one can be imported in its place.
    ignore_changes = [secret_data_wo_version]
  }
}
