# What Google would answer, known as early as the plan.

mock_data "google_project" {
  defaults = { number = "123456789012" }
}

mock_resource "google_artifact_registry_repository" {
  override_during = plan
  defaults        = { id = "projects/reelay-test/locations/asia-northeast3/repositories/reelay", name = "reelay" }
}

# What is not named is the billing account's own.
mock_resource "google_billing_budget" {
  override_during = plan
  defaults        = { amount = { specified_amount = { currency_code = "the account's" } } }
}

mock_resource "google_firebaserules_ruleset" {
  override_during = plan
  defaults        = { name = "projects/reelay-test/rulesets/r1" }
}

mock_resource "google_monitoring_dashboard" {
  override_during = plan
  defaults        = { id = "projects/123456789012/dashboards/reelay" }
}

mock_resource "google_monitoring_notification_channel" {
  override_during = plan
  defaults        = { id = "projects/reelay-test/notificationChannels/1" }
}

override_resource {
  target          = google_secret_manager_secret.keys["RUNWAY_API_KEY"]
  override_during = plan
  values          = { id = "projects/reelay-test/secrets/runway-api-key" }
}

override_resource {
  target          = google_secret_manager_secret.keys["GEMINI_API_KEY"]
  override_during = plan
  values          = { id = "projects/reelay-test/secrets/gemini-api-key" }
}

override_resource {
  target          = google_secret_manager_secret.keys["WEBHOOK_SIGNING_SECRET"]
  override_during = plan
  values          = { id = "projects/reelay-test/secrets/webhook-signing-secret" }
}

override_resource {
  target          = google_pubsub_topic.budget
  override_during = plan
  values          = { id = "projects/reelay-test/topics/reelay-budget" }
}

override_resource {
  target          = google_pubsub_topic.budget_dead_letters
  override_during = plan
  values          = { id = "projects/reelay-test/topics/reelay-budget-dead-letters" }
}

override_resource {
  target          = google_service_account.deployer
  override_during = plan
  values = {
    id     = "projects/reelay-test/serviceAccounts/reelay-deployer@reelay-test.iam.gserviceaccount.com"
    email  = "reelay-deployer@reelay-test.iam.gserviceaccount.com"
    member = "serviceAccount:reelay-deployer@reelay-test.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = google_service_account.checker
  override_during = plan
  values = {
    id     = "projects/reelay-test/serviceAccounts/reelay-checker@reelay-test.iam.gserviceaccount.com"
    member = "serviceAccount:reelay-checker@reelay-test.iam.gserviceaccount.com"
  }
}

override_resource {
  target          = google_monitoring_slo.api["availability"]
  override_during = plan
  values          = { name = "projects/123456789012/services/reelay-api/serviceLevelObjectives/availability" }
}

override_resource {
  target          = google_monitoring_slo.api["latency"]
  override_during = plan
  values          = { name = "projects/123456789012/services/reelay-api/serviceLevelObjectives/latency" }
}

mock_resource "google_iam_workload_identity_pool" {
  override_during = plan
  defaults        = { name = "projects/123456789012/locations/global/workloadIdentityPools/reelay-github-0a1b2c" }
}

mock_resource "google_apikeys_key" {
  override_during = plan
  defaults        = { uid = "4f3c", key_string = "the-pages-own" }
}
