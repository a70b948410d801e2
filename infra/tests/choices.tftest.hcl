# What a deploy creates with other settings.

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

run "chosen" {
  command = plan

  variables {
    daily_limit_usd    = null
    keys_revision      = 2
    veo_model          = "veo-3.1-fast-generate-001"
    translation_model  = "off"
    limits_time_zone   = "America/Argentina/Buenos_Aires"
    firestore_location = "eur3"
    bucket_location    = "EU"
    retention_days     = 7
    worker_instances   = 3
    trace_sample_ratio = 0.05
    enable_web         = false
    enable_budget      = false
    api_public         = false
    allowed_origins    = []
  }

  # Without a budget it warns, and deploys.
  expect_failures = [check.budget]

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables), "DAILY_LIMIT_USD")
    error_message = "Null must be no cap."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["KEYS_REVISION"] == "2"
    error_message = "A raised keys_revision must reach the worker."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["VEO_MODEL"] == "veo-3.1-fast-generate-001" && google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["TRANSLATION_MODEL"] == "off" && google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["LIMITS_TIME_ZONE"] == "America/Argentina/Buenos_Aires"
    error_message = "Model and time zone must reach the functions."
  }
  assert {
    condition     = google_firestore_database.default.location_id == "eur3" && google_storage_bucket.videos.location == "EU"
    error_message = "Data must be able to be in another location than the functions."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["RETENTION_DAYS"] == "7" && toset([for rule in google_storage_bucket.videos.lifecycle_rule : one(rule.condition).age if one(rule.condition).matches_prefix == tolist(["videos/"])]) == toset([7])
    error_message = "Records and files must be kept equally long."
  }
  assert {
    condition     = length(google_storage_bucket.videos.cors) == 0 && length(google_firebase_web_app.web) == 0 && length(google_firebase_hosting_site.web) == 0 && output.web_config == null && output.web_url == null
    error_message = "Without the page, none of its resources may be created."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["sweep"].service_config[0].environment_variables["TRACE_SAMPLE_RATIO"] == "0.05" && length(google_project_iam_member.tracers) == 4 && alltrue([for grant in google_project_iam_member.tracers : grant.role == "roles/telemetry.tracesWriter"]) && contains(keys(google_project_service.apis), "cloudtrace.googleapis.com")
    error_message = "With traces on, functions must get the setting and the role."
  }
  assert {
    condition     = length(google_cloud_run_v2_service_iam_member.api_is_public) == 0
    error_message = "If allUsers is forbidden, it must get no grant."
  }
  assert {
    condition     = length(google_project_iam_member.api_translates) == 0
    error_message = "With translation off, api must not be able to call models."
  }
  assert {
    condition     = [for name in ["starts", "steps", "webhooks"] : google_cloud_tasks_queue.queues[name].rate_limits[0].max_concurrent_dispatches] == [1, 4, 1]
    error_message = "The queues must follow the number of workers."
  }
}

run "deploys_itself" {
  command = plan

  variables {
    ci_repository      = "projects/reelay-test/locations/us-central1/connections/github/repositories/reelay"
    state_bucket       = "reelay-test-state"
    sign_in            = ["google"]
    open_sign_up       = true
    trace_sample_ratio = 1
  }

  assert {
    condition     = local.page.signIn == ["google"] && google_identity_platform_config.users[0].sign_in[0].email[0].password_required && !google_identity_platform_config.users[0].sign_in[0].email[0].enabled
    error_message = "Without sign-in by e-mailed links, neither the page nor Firebase may offer it, nor a sign-up with a password."
  }

  assert {
    condition     = length(setintersection(values(google_project_iam_member.deployer)[*].role, ["roles/owner", "roles/editor", "roles/resourcemanager.projectIamAdmin"])) == 0 && [for grant in google_project_iam_member.deployer : grant.role if startswith(grant.role, "roles/iam.")] == ["roles/iam.roleViewer", "roles/iam.workloadIdentityPoolViewer"]
    error_message = "The deployer must have no basic role, and no power over accounts or roles that are not ours."
  }
  assert {
    condition = google_project_iam_member.deployer_grants[0].condition[0].expression == format(
      "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([%s])",
      join(", ", [for role in sort(["roles/datastore.user", "roles/firebaseauth.viewer", "roles/aiplatform.user", "roles/logging.logWriter", "roles/storage.objectViewer", "roles/telemetry.tracesWriter"]) : "'${role}'"]),
    )
    error_message = "On the project, the deployer may grant the roles that functions need there, and no others."
  }
  assert {
    condition     = { for grant in google_service_account_iam_member.deployer_administers : grant.service_account_id => grant.role } == { for name, id in local.account_ids : id => "roles/iam.serviceAccountAdmin" } && toset([for grant in google_service_account_iam_member.deployer_acts_as : grant.service_account_id]) == toset(values(local.account_ids))
    error_message = "The deployer must be able to administer each of our accounts, and to act as each."
  }
  assert {
    condition     = !contains(values(local.account_ids), google_service_account_iam_member.deployer_reads_itself[0].service_account_id) && google_service_account_iam_member.deployer_reads_itself[0].role == "roles/iam.serviceAccountViewer"
    error_message = "The deployer must be able to read itself, but not to administer itself."
  }
  assert {
    condition     = google_service_account_iam_member.deployer_reads_checker[0].service_account_id == google_service_account.checker[0].id && google_service_account_iam_member.deployer_reads_checker[0].member == google_service_account.deployer[0].member && google_service_account_iam_member.deployer_reads_checker[0].role == "roles/iam.serviceAccountViewer"
    error_message = "The deployer must be able to read the checker, too, since a plan reads it."
  }
  assert {
    condition     = google_billing_account_iam_member.deployer_budget[0].role == "roles/billing.costsManager"
    error_message = "On the billing account, the deployer must be able to manage budgets, and nothing else."
  }
  assert {
    condition     = alltrue([for trigger in google_cloudbuild_trigger.check : trigger.service_account == google_service_account.checker[0].id && trigger.filename == "cloudbuild.yaml"]) && !contains([for grant in google_project_iam_member.deployer : grant.member], google_service_account.checker[0].member) && google_project_iam_member.checker_writes_its_log[0].role == "roles/logging.logWriter"
    error_message = "The check must run as an account that cannot deploy."
  }
  assert {
    condition     = google_cloudbuild_trigger.check["pull-request"].repository_event_config[0].pull_request[0].comment_control == "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
    error_message = "A stranger's pull request must not be checked before a member approves it."
  }
  assert {
    condition     = google_cloudbuild_trigger.deploy[0].repository_event_config[0].push[0].branch == "^main$" && google_cloudbuild_trigger.deploy[0].service_account == google_service_account.deployer[0].id && google_cloudbuild_trigger.deploy[0].filename == null && join(" ", google_cloudbuild_trigger.deploy[0].build[0].step[*].id) == "checked settings plan apply callers smoke worker"
    error_message = "Only the main branch may deploy, as the deployer, in steps that a commit cannot change."
  }
  assert {
    condition     = google_cloudbuild_trigger.deploy[0].build[0].options[0].logging == "CLOUD_LOGGING_ONLY" && google_cloudbuild_trigger.deploy[0].build[0].timeout == "11700s" && alltrue([for step in google_cloudbuild_trigger.deploy[0].build[0].step : step.args[0] == "-ceu"])
    error_message = "A build as an account of our own has no bucket for logs, must not end during an apply (the default is an hour), and must stop at the first error."
  }
}

run "budget_by_email" {
  command = plan

  variables {
    budget_notices = false
  }

  expect_failures = [check.budget_notices]

  assert {
    condition     = google_billing_budget.project[0].all_updates_rule[0].pubsub_topic == null && length(google_billing_budget.project[0].all_updates_rule[0].monitoring_notification_channels) == 1
    error_message = "If the topic is refused, the budget must still send e-mails."
  }
}

run "deploys_from_github" {
  command = plan

  variables {
    github_repository    = "me/reelay"
    github_repository_id = 123456
    state_bucket         = "reelay-test-state"
    allowed_origins      = ["https://app.example.com", "https://app.example.com:8443"]
  }

  assert {
    condition     = length([for domain in google_identity_platform_config.users[0].authorized_domains : domain if domain == "app.example.com"]) == 1
    error_message = "Two origins on one host are one domain for sign-in."
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.repository_id == '123456' && assertion.ref == 'refs/heads/main' && assertion.workflow_ref == 'me/reelay/.github/workflows/deploy.yml@refs/heads/main'" && google_iam_workload_identity_pool_provider.github[0].oidc[0].issuer_uri == "https://token.actions.githubusercontent.com"
    error_message = "Only the deploy of this repository's main may act as the deployer."
  }
  assert {
    condition     = google_service_account_iam_member.github_acts_as_deployer[0].member == "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/reelay-github-0a1b2c/attribute.repository_id/123456" && google_service_account_iam_member.github_acts_as_deployer[0].service_account_id == google_service_account.deployer[0].id
    error_message = "It acts as the deployer, and only by the repository's number."
  }
  assert {
    condition     = google_service_account_iam_member.github_acts_as_deployer[0].role == "roles/iam.workloadIdentityUser"
    error_message = "GitHub must be able to get the deployer's tokens."
  }
  assert {
    condition     = google_iam_workload_identity_pool.github[0].workload_identity_pool_id == "reelay-github-${random_id.github[0].hex}"
    error_message = "A pool's ID must end in something random: a deleted one stays blocked for 30 days."
  }
  assert {
    condition     = length(google_project_iam_member.deployer) > 10 && length(google_cloudbuild_trigger.deploy) == 0 && length(google_service_account.checker) == 0
    error_message = "GitHub needs the deployer, and nothing of Cloud Build's triggers."
  }
  assert {
    condition     = google_service_account.deployer[0].display_name == "Reelay: deploys main"
    error_message = "The deployer's name must also be true where GitHub deploys."
  }
  assert {
    condition     = output.github_variables["GCP_STATE_BUCKET"] == "reelay-test-state" && output.github_variables["GCP_DEPLOYER"] == "reelay-deployer@reelay-test.iam.gserviceaccount.com" && contains(keys(google_project_service.apis), "sts.googleapis.com")
    error_message = "The workflow must be told as whom it deploys."
  }
}

run "too_many_instances" {
  command = plan

  variables {
    api_instances = 5
  }

  expect_failures = [google_cloudfunctions2_function.functions]
}
