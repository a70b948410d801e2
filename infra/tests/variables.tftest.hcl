# Bad variables are refused, before anything is touched.

mock_provider "google" {
  source = "./tests/mocks/google"
}
mock_provider "google-beta" {
  source = "./tests/mocks/google-beta"
}
mock_provider "random" {
  source = "./tests/mocks/random"
}
mock_provider "archive" {
  source = "./tests/mocks/archive"
}

run "refused_1" {
  command = plan

  variables {
    project_id               = "Reelay Test"
    region                   = "asia-northeast3-a"
    firestore_location       = "Seoul"
    bucket_location          = "seoul"
    veo_location             = "us/central1"
    existing                 = ["bucket"]
    api_instances            = 0
    worker_instances         = 1
    region_cpus              = 9
    region_memory_gib        = 13
    billing_account          = "0123456789AB"
    gcp_budget_amount        = 10.5
    spend_cap_amount         = -1
    alert_emails             = ["owner"]
    daily_limit_usd          = -1
    monthly_limit_usd        = -1
    user_daily_limit_usd     = -0.01
    user_monthly_limit_usd   = -1
    user_max_jobs            = 0
    user_max_jobs_per_minute = 1.5
    user_requests_per_second = 0
    limits_time_zone         = "Korea time"
    tight_max_usd_per_second = -0.1
    provider_chain           = ["runway", "sora"]
    runway_model             = "gen4-turbo"
    veo_model                = "veo-3.1-generate-preview"
    omni_model               = "gemini-omni-flash"
    translation_model        = "gemini-flash"
    on_unknown_submission    = "retry"
    keys_revision            = 0
    allowed_origins          = ["*"]
    sign_in                  = ["facebook"]
    retention_days           = 1.5
    trace_sample_ratio       = 1.1
    ci_repository            = "github.com/me/reelay"
    github_repository        = "https://github.com/me/reelay"
  }

  expect_failures = [
    var.project_id,
    var.region,
    var.firestore_location,
    var.bucket_location,
    var.veo_location,
    var.existing,
    var.api_instances,
    var.worker_instances,
    var.region_cpus,
    var.region_memory_gib,
    var.billing_account,
    var.gcp_budget_amount,
    var.spend_cap_amount,
    var.alert_emails,
    var.daily_limit_usd,
    var.monthly_limit_usd,
    var.user_daily_limit_usd,
    var.user_monthly_limit_usd,
    var.user_max_jobs,
    var.user_max_jobs_per_minute,
    var.user_requests_per_second,
    var.limits_time_zone,
    var.tight_max_usd_per_second,
    var.provider_chain,
    var.runway_model,
    var.veo_model,
    var.omni_model,
    var.translation_model,
    var.on_unknown_submission,
    var.keys_revision,
    var.allowed_origins,
    var.sign_in,
    var.retention_days,
    var.trace_sample_ratio,
    var.ci_repository,
    var.github_repository,
  ]
}

run "refused_2" {
  command = plan

  variables {
    billing_account          = null
    gcp_budget_amount        = null
    alert_emails             = []
    user_max_jobs            = 1.5
    user_max_jobs_per_minute = 0
    limits_time_zone         = "Europa/Berlin"
    provider_chain           = ["runway", "runway"]
    runway_model             = "veo-3.1-generate-001"
    veo_model                = ""
    omni_model               = "Gemini-Omni-1.2-Flash"
    translation_model        = ""
    allowed_origins          = ["app.example.com"]
    retention_days           = 1
    ci_repository            = "projects/p/locations/l/connections/c/repositories/r"
    github_repository        = "me/reelay"
  }

  expect_failures = [
    var.billing_account,
    var.gcp_budget_amount,
    var.alert_emails,
    var.user_max_jobs,
    var.user_max_jobs_per_minute,
    var.limits_time_zone,
    var.provider_chain,
    var.runway_model,
    var.veo_model,
    var.omni_model,
    var.translation_model,
    var.allowed_origins,
    var.retention_days,
    var.state_bucket,
    var.github_repository_id,
  ]
}
