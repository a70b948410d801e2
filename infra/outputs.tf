output "api_url" {
  description = "The URL of the API."
  value       = local.function_urls.api
}

output "docs_url" {
  description = "The documentation of the API."
  value       = "${local.function_urls.api}/docs"
}

output "health_url" {
  description = "Answers 200 without a token."
  value       = "${local.function_urls.api}/health"
}

output "dashboard_url" {
  description = "Jobs, cost, latency and errors at a glance."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.reelay.id), -1)}?project=${var.project_id}"
}

output "bucket" {
  description = "The bucket of images and videos."
  value       = google_storage_bucket.videos.name
}

output "queues" {
  description = "The queues' names, by kind."
  value       = { for kind, queue in google_cloud_tasks_queue.queues : kind => queue.name }
}

output "github_variables" {
  description = "What .github/workflows/deploy.yml reads: set each with `gh variable set NAME --body VALUE`. Null without github_repository."
  value = var.github_repository != null ? {
    GCP_PROJECT           = var.project_id
    GCP_PROJECT_NUMBER    = data.google_project.this.number
    GCP_REGION            = var.region
    GCP_STATE_BUCKET      = var.state_bucket
    GCP_DEPLOYER          = google_service_account.deployer[0].email
    GCP_IDENTITY_PROVIDER = google_iam_workload_identity_pool_provider.github[0].name
  } : null
}

output "store_key_commands" {
  description = "The command that stores each key, which it reads from standard input. Raise keys_revision afterwards."
  value = {
    for name, secret in local.secrets :
    name => "gcloud secrets versions add ${secret} --project=${var.project_id} --data-file=-"
  }
}

output "web_config" {
  description = "The page's config.json; nothing of it is secret. Null without the page."
  value = var.enable_web ? jsonencode(merge(local.page, {
    firebase = {
      apiKey     = nonsensitive(google_apikeys_key.web[0].key_string)
      authDomain = trimprefix(local.hosted_origins[0], "https://")
      appId      = google_firebase_web_app.web[0].app_id
    }
  })) : null
}

output "web_url" {
  description = "The address of the hosted page. Null without it."
  value       = var.enable_web ? local.hosted_origins[0] : null
}

output "service_accounts" {
  description = "The accounts' e-mails, by name."
  value       = local.emails
}
