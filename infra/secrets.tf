locals {
  # The environment variable of a function, and the secret behind it. `worker` has all.
  secrets = {
    RUNWAY_API_KEY         = "runway-api-key"
    GEMINI_API_KEY         = "gemini-api-key"
    WEBHOOK_SIGNING_SECRET = "webhook-signing-secret"
  }
  # `api` reads this one to refuse a webhook where it is missing. It never reads the vendors' keys.
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
# takes `unset` as not configured; Terraform never sees a real key.
resource "google_secret_manager_secret_version" "unset" {
  for_each = local.secrets

  secret                 = google_secret_manager_secret.keys[each.key].id
  secret_data_wo         = "unset"
  secret_data_wo_version = 1
}
