locals {
  # Environment variable of `worker`, and the secret that it comes from.
  secrets = {
    RUNWAY_API_KEY = "runway-api-key"
    GEMINI_API_KEY = "gemini-api-key"
  }
}

resource "google_secret_manager_secret" "keys" {
  for_each = local.secrets

  secret_id = each.value
  replication {
    auto {}
  }

  depends_on = [google_project_service.apis]
}

# A function that names `latest` of a secret without a version doesn't deploy. The code
# takes `unset` as not configured; Terraform never sees a real key.
resource "google_secret_manager_secret_version" "unset" {
  for_each = local.secrets

  secret                 = google_secret_manager_secret.keys[each.key].id
  secret_data_wo         = "unset"
  secret_data_wo_version = 1
}
