# What a deploy creates with default settings.

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

run "defaults" {
  command = plan

  # Functions -------------------------------------------------------------------------

  assert {
    condition     = { for function in google_cloudfunctions2_function.functions : function.name => function.build_config[0].entry_point } == { api = "api", worker = "worker", sweep = "sweep", budget-alert = "budget_alert" }
    error_message = "The four functions, each with the entry point that main.py names."
  }
  assert {
    condition     = { for function in google_cloudfunctions2_function.functions : function.name => "${function.service_config[0].available_memory} ${function.service_config[0].timeout_seconds}" } == { api = "2Gi 60", worker = "2Gi 300", sweep = "512Mi 300", budget-alert = "512Mi 60" }
    error_message = "Memory and timeout of each function are as infra/DESIGN.md explains them."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].all_traffic_on_latest_revision && function.service_config[0].ingress_settings == "ALLOW_ALL" && function.location == var.region])
    error_message = "A deploy must end a roll-back, and callers must reach the functions at their addresses."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.build_config[0].runtime == "python313" && function.build_config[0].docker_repository == google_artifact_registry_repository.images.id])
    error_message = "The images must be built for the tested Python, in the repository where the builder may write and old ones are deleted."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : [for name in ["TASKS_INVOKER", "SCHEDULER_INVOKER", "PUBSUB_INVOKER"] : function.service_config[0].environment_variables[name]] == [for name in ["tasks-invoker", "scheduler-invoker", "pubsub-invoker"] : local.emails[name]]])
    error_message = "The code must accept exactly the accounts that call it."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["THREADS"] == tostring(function.service_config[0].max_instance_request_concurrency)])
    error_message = "Threads must equal concurrency: gunicorn has 4 otherwise."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["LOG_EXECUTION_ID"] == "false"])
    error_message = "Libraries must log through our own handler, which redacts."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["GRPC_VERBOSITY"] == "ERROR"])
    error_message = "gRPC must not log to stderr, bypassing our logs."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].max_instance_request_concurrency == 1 || tonumber(function.service_config[0].available_cpu) >= 1])
    error_message = "Concurrency above 1 needs a whole CPU."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].timeout_seconds != null && function.service_config[0].max_instance_count != null && function.service_config[0].available_memory != null])
    error_message = "Timeout, instances and memory must be explicit: the defaults are different."
  }
  assert {
    condition     = 2 * sum([for function in google_cloudfunctions2_function.functions : function.service_config[0].max_instance_count]) <= 20 && 2 * sum([for function in google_cloudfunctions2_function.functions : function.service_config[0].max_instance_count * { "2Gi" = 2, "512Mi" = 0.5 }[function.service_config[0].available_memory]]) <= 40
    error_message = "Both revisions of all functions must fit the quota of a new project: 20 CPUs, 40 GiB."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].timeout_seconds >= 300
    error_message = "The worker's timeout must reach the dispatch deadline (300 s)."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["sweep"].service_config[0].max_instance_count * google_cloudfunctions2_function.functions["sweep"].service_config[0].max_instance_request_concurrency == 1
    error_message = "Sweeps must run one at a time."
  }
  assert {
    condition     = sum([for queue in google_cloud_tasks_queue.queues : queue.rate_limits[0].max_concurrent_dispatches]) == google_cloudfunctions2_function.functions["worker"].service_config[0].max_instance_count * google_cloudfunctions2_function.functions["worker"].service_config[0].max_instance_request_concurrency
    error_message = "The queues must dispatch exactly what the workers take at once."
  }
  assert {
    condition     = toset(keys(google_cloud_tasks_queue.queues)) == toset(["starts", "steps", "webhooks"])
    error_message = "There must be three queues, so that each can be paused alone."
  }
  assert {
    condition     = google_cloud_tasks_queue.queues["webhooks"].rate_limits[0].max_concurrent_dispatches == 1 && google_cloud_tasks_queue.queues["webhooks"].rate_limits[0].max_dispatches_per_second <= 5
    error_message = "Webhooks wait for other people's servers, so they may hold only few of the workers' slots."
  }
  assert {
    condition     = google_firestore_field.webhook_due_at.collection == "internal" && google_firestore_field.webhook_due_at.field == "webhook.due_at" && one(google_firestore_field.webhook_due_at.index_config[0].indexes).query_scope == "COLLECTION_GROUP"
    error_message = "The sweep must find the webhooks of all jobs."
  }
  assert {
    condition     = alltrue([for queue in google_cloud_tasks_queue.queues : queue.location == google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["TASKS_LOCATION"]])
    error_message = "The code must enqueue where the queues are."
  }
  assert {
    condition     = alltrue([for name, queue in google_cloud_tasks_queue.queues : queue.name == "${name}-${random_id.queues.hex}"])
    error_message = "A queue's name must end in something random: a deleted name stays blocked."
  }
  assert {
    condition     = alltrue([for queue in google_cloud_tasks_queue.queues : queue.retry_config[0].max_attempts > 1 && queue.retry_config[0].max_backoff == "60s" && queue.stackdriver_logging_config[0].sampling_ratio > 0])
    error_message = "A task must be tried again soon, and its failures must leave a trace."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["GOOGLE_CLOUD_PROJECT"] == "reelay-test"])
    error_message = "GOOGLE_CLOUD_PROJECT must be set: Cloud Run does not set it."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["WORKER_URL"] == "https://asia-northeast3-reelay-test.cloudfunctions.net/worker" && google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["WORKER_AUDIENCE"] == google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["WORKER_URL"]
    error_message = "The worker's address must be computed, and be its audience."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["VEO_LOCATION"] == "us-central1"
    error_message = "Veo must stay in us-central1 wherever the rest runs."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["DAILY_LIMIT_USD"] == "20" && google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["TIGHT_MAX_USD_PER_SECOND"] == "0.15"
    error_message = "There must be a cap by default, and amounts must keep their digits."
  }
  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables), "VEO_MODEL")
    error_message = "A null variable must be left out, so that the code's default applies."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : length(setintersection(keys(function.service_config[0].environment_variables), ["RUNWAY_API_KEY", "GEMINI_API_KEY"])) == 0])
    error_message = "Keys must not be in the plain environment."
  }
  assert {
    condition     = { for name, function in google_cloudfunctions2_function.functions : name => join(" ", sort(function.service_config[0].secret_environment_variables[*].key)) } == { api = "WEBHOOK_SIGNING_SECRET", worker = "GEMINI_API_KEY RUNWAY_API_KEY WEBHOOK_SIGNING_SECRET", sweep = "", budget_alert = "" }
    error_message = "Only the worker may read keys."
  }
  assert {
    condition     = { for secret in google_cloudfunctions2_function.functions["worker"].service_config[0].secret_environment_variables : secret.key => secret.secret } == { RUNWAY_API_KEY = "runway-api-key", GEMINI_API_KEY = "gemini-api-key", WEBHOOK_SIGNING_SECRET = "webhook-signing-secret" }
    error_message = "Each variable must hold its own key: another vendor must not get it."
  }
  assert {
    condition     = alltrue([for secret in google_cloudfunctions2_function.functions["worker"].service_config[0].secret_environment_variables : secret.version == "latest" && secret.project_id == "123456789012"])
    error_message = "Secrets must be read at their latest version, by the project's number."
  }
  assert {
    condition     = alltrue([for version in google_secret_manager_secret_version.unset : version.secret_data_wo_version == 1 && version.secret_data == null])
    error_message = "A secret's value must be write-only: never in the state."
  }
  assert {
    condition     = toset(values(google_secret_manager_secret_version.unset)[*].secret) == toset(values(google_secret_manager_secret.keys)[*].id)
    error_message = "Each secret must have a version: a function that uses one without does not deploy."
  }
  assert {
    condition     = google_storage_bucket_object.source.name == "source-${data.archive_file.source.output_sha256}.zip"
    error_message = "The zip must be named by its hash, or a changed one is not deployed."
  }
  assert {
    condition     = alltrue([for file in local.packaged_files : can(regex("^(main[.]py|requirements[.]txt|functions/.*[.](py|json|html)|shared/.*[.](py|json))$", file))]) && length(setintersection(local.packaged_files, ["main.py", "requirements.txt", "functions/api.py", "functions/docs.html", "shared/wiring/process.py", "shared/domain/sentences.json"])) == 6
    error_message = "Only the allow-list may ship, and all that runs must."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.http_target[0].uri == local.function_urls.sweep && google_cloud_scheduler_job.sweep.http_target[0].oidc_token[0].audience == google_cloudfunctions2_function.functions["sweep"].service_config[0].environment_variables["SWEEP_AUDIENCE"] && google_cloud_scheduler_job.sweep.http_target[0].oidc_token[0].service_account_email == local.emails["scheduler-invoker"]
    error_message = "Cloud Scheduler must call sweep as scheduler-invoker, with the audience that sweep checks."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.attempt_deadline == "${google_cloudfunctions2_function.functions["sweep"].service_config[0].timeout_seconds}s"
    error_message = "Cloud Scheduler must wait as long as the sweep may take."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.schedule == "* * * * *" && google_cloud_scheduler_job.sweep.paused == false && google_cloud_scheduler_job.sweep.region == var.region
    error_message = "The sweep must run every minute. A deploy must resume one that a restore paused: an unset argument would leave it paused."
  }
  assert {
    condition     = length(setsubtract(["aiplatform.googleapis.com", "iamcredentials.googleapis.com", "identitytoolkit.googleapis.com", "cloudtasks.googleapis.com"], keys(google_project_service.apis))) == 0
    error_message = "The APIs that the code calls must be on: no resource's creation would fail without them."
  }
  assert {
    condition     = alltrue([for api in google_project_service.apis : api.disable_on_destroy == false])
    error_message = "Destroying must not disable an API that something else may use."
  }

  # Who may do what -------------------------------------------------------------------

  assert {
    condition     = length(google_project_iam_member.tracers) == 0 && google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["TRACE_SAMPLE_RATIO"] == "0"
    error_message = "Traces are off by default."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.api_is_public[0].member == "allUsers" && google_cloud_run_v2_service_iam_member.api_is_public[0].name == "api" && google_cloud_run_v2_service_iam_member.api_is_public[0].location == var.region && google_cloud_run_v2_service_iam_member.api_is_public[0].role == "roles/run.invoker"
    error_message = "allUsers must be on api."
  }
  assert {
    condition = { for grant in google_cloud_run_v2_service_iam_member.invokers : "${grant.location} ${grant.name}" => "${grant.role} ${grant.member}" } == {
      "${var.region} worker"       = "roles/run.invoker ${local.members["tasks-invoker"]}"
      "${var.region} sweep"        = "roles/run.invoker ${local.members["scheduler-invoker"]}"
      "${var.region} budget-alert" = "roles/run.invoker ${local.members["pubsub-invoker"]}"
    }
    error_message = "Each private function must be invoked by its own invoker alone."
  }
  assert {
    condition = { for name, email in local.emails : name => join(" ", sort([for grant in google_project_iam_member.grants : trimprefix(grant.role, "roles/") if grant.member == "serviceAccount:${email}"])) } == {
      api               = "datastore.user firebaseauth.viewer"
      worker            = "aiplatform.user datastore.user"
      sweep             = "datastore.user"
      budget-alert      = "datastore.user"
      builder           = "logging.logWriter"
      tasks-invoker     = ""
      scheduler-invoker = ""
      pubsub-invoker    = ""
    }
    error_message = "On the project each account must have these roles and no other."
  }
  assert {
    condition     = alltrue([for grant in google_project_iam_member.grants : contains(values(local.members), grant.member)])
    error_message = "Only our own accounts may be granted roles on the project."
  }
  assert {
    condition     = { for key, function in google_cloudfunctions2_function.functions : function.name => function.service_config[0].service_account_email } == { for name in ["api", "worker", "sweep", "budget-alert"] : name => "reelay-${name}@reelay-test.iam.gserviceaccount.com" }
    error_message = "Each function must run as the account named for it, never as the default one."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.build_config[0].service_account == local.account_ids["builder"]])
    error_message = "Functions must be built by the builder, never by the default account."
  }
  assert {
    condition     = google_storage_bucket_iam_member.builder_reads_source.bucket == google_storage_bucket.source.name && google_project_iam_member.builder_reads_copied_source.member == local.members["builder"] && google_project_iam_member.builder_reads_copied_source.condition[0].expression == "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-123456789012-\")"
    error_message = "The builder must read the zip, Google's copy of it, and no other bucket."
  }
  assert {
    condition     = google_storage_bucket_iam_member.builder_reads_source.role == "roles/storage.objectViewer" && google_project_iam_member.builder_reads_copied_source.role == "roles/storage.objectViewer" && google_artifact_registry_repository_iam_member.builder_writes_images.role == "roles/artifactregistry.writer"
    error_message = "The builder must be able to read zips and to write images, and nothing else."
  }
  assert {
    condition     = toset([for grant in google_cloud_tasks_queue_iam_member.enqueuers : "${grant.name} ${grant.member}"]) == toset([for pair in ["starts api", "starts worker", "steps api", "steps sweep", "steps worker", "webhooks api", "webhooks sweep", "webhooks worker"] : "${google_cloud_tasks_queue.queues[split(" ", pair)[0]].name} ${local.members[split(" ", pair)[1]]}"])
    error_message = "api and worker must enqueue on all queues, sweep on those that spend nothing, and no other account."
  }
  assert {
    condition     = alltrue([for grant in google_cloud_tasks_queue_iam_member.enqueuers : grant.role == "roles/cloudtasks.enqueuer" && grant.location == var.region])
    error_message = "Accounts that enqueue must not be able to pause or purge a queue."
  }
  assert {
    condition = { for grant in google_service_account_iam_member.enqueuers_act_as_tasks_invoker : grant.member => "${grant.role} ${grant.service_account_id}" } == {
      for name in ["api", "worker", "sweep"] : local.members[name] => "roles/iam.serviceAccountUser ${local.account_ids["tasks-invoker"]}"
    }
    error_message = "Every account that enqueues must be able to act as tasks-invoker, and as no other account."
  }
  assert {
    condition = { for grant in google_service_account_iam_member.signers_sign_as_themselves : grant.service_account_id => "${grant.role} ${grant.member}" } == {
      for name in ["api", "worker"] : local.account_ids[name] => "projects/reelay-test/roles/reelaySigner0a1b2c ${local.members[name]}"
    } && google_project_iam_custom_role.signer.permissions == toset(["iam.serviceAccounts.signBlob"])
    error_message = "api and worker must sign as themselves, and do nothing but sign."
  }
  assert {
    condition     = google_project_iam_custom_role.translator.permissions == toset(["aiplatform.endpoints.predict"]) && google_project_iam_member.api_translates[0].member == local.members["api"] && google_project_iam_member.api_translates[0].role == "projects/reelay-test/roles/reelayTranslator${random_id.queues.hex}"
    error_message = "On the Agent Platform, api must be able to call models, and nothing else."
  }
  assert {
    condition     = toset(values(google_secret_manager_secret_iam_member.worker_reads_keys)[*].secret_id) == toset(values(google_secret_manager_secret.keys)[*].id)
    error_message = "The worker must be able to read every key."
  }
  assert {
    condition     = alltrue([for grant in google_secret_manager_secret_iam_member.worker_reads_keys : grant.role == "roles/secretmanager.secretAccessor" && grant.member == local.members["worker"]])
    error_message = "Only the worker may read the keys."
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.api_reads_webhook_secret.role == "roles/secretmanager.secretAccessor" && google_secret_manager_secret_iam_member.api_reads_webhook_secret.member == local.members["api"] && google_secret_manager_secret_iam_member.api_reads_webhook_secret.secret_id == google_secret_manager_secret.keys["WEBHOOK_SIGNING_SECRET"].id
    error_message = "Of the secrets, api may read only the one that signs webhooks, to know whether it exists."
  }
  assert {
    condition = { for grant in google_storage_bucket_iam_member.videos : grant.member => grant.role } == {
      for member in [local.members["api"], local.members["worker"], google_project_service_identity.agents["aiplatform.googleapis.com"].member] : member => "roles/storage.objectUser"
    }
    error_message = "api, worker and Veo's own agent must read and write objects, and no account may administer the bucket."
  }
  assert {
    condition     = length(google_service_account.deployer) == 0 && length(google_project_iam_member.deployer) == 0 && length(google_service_account.checker) == 0
    error_message = "Without a repository there must be no account that could deploy."
  }

  # Data ------------------------------------------------------------------------------

  assert {
    condition     = google_firestore_database.default.name == "(default)" && google_firestore_database.default.type == "FIRESTORE_NATIVE" && google_firestore_database.default.delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.default.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED"
    error_message = "The database must be (default), protected, and have point-in-time recovery."
  }
  assert {
    condition     = google_firestore_backup_schedule.daily.retention == "1209600s" && length(google_firestore_backup_schedule.daily.daily_recurrence) == 1
    error_message = "Backups must outlive the database."
  }
  assert {
    condition     = google_firestore_database.default.location_id == "asia-northeast3" && google_storage_bucket.videos.location == "asia-northeast3"
    error_message = "By default the data is where the functions are."
  }
  assert {
    condition     = join(" ", sort([for field in google_firestore_field.ttl : "${field.collection}.${field.field}" if length(field.ttl_config) == 1])) == "idempotency.expires_at internal.expires_at videos.expires_at"
    error_message = "TTL deletes nothing below a document: both documents of a job need it, and the keys."
  }
  assert {
    condition     = alltrue([for field in google_firestore_field.unindexed : length(field.index_config[0].indexes) == 0 && field.field == "*"]) && join(" ", sort([for field in google_firestore_field.unindexed : field.collection])) == "internal settled spend usage users"
    error_message = "The documents that are written most must have no unneeded index."
  }
  assert {
    condition     = google_firebaserules_release.firestore.name == "cloud.firestore" && google_firebaserules_ruleset.firestore.source[0].files[0].content == file("firestore.rules")
    error_message = "The rules in the file must be released for Firestore."
  }
  assert {
    condition     = alltrue([for bucket in [google_storage_bucket.videos, google_storage_bucket.source] : bucket.public_access_prevention == "enforced" && bucket.uniform_bucket_level_access])
    error_message = "No bucket may ever be public, and access must be by IAM alone."
  }
  assert {
    condition     = google_storage_bucket.videos.name == "reelay-test-reelay-videos"
    error_message = "make deploy looks for this name, to import the bucket that make destroy left."
  }
  assert {
    condition     = google_storage_bucket.source.force_destroy && google_storage_bucket.videos.force_destroy != true
    error_message = "make destroy must be able to delete the zips, and nothing must delete a bucket with videos."
  }
  assert {
    condition     = one([for policy in google_artifact_registry_repository.images.cleanup_policies : policy.most_recent_versions[0].keep_count if length(policy.most_recent_versions) > 0]) == 3
    error_message = "The last three images of each function must be kept, to roll back to."
  }
  assert {
    condition = {
      for rule in google_storage_bucket.videos.lifecycle_rule :
      one(one(rule.condition).matches_prefix) => one(rule.condition).age
      if one(rule.action).type == "Delete"
    } == { "uploads/" = 1, "incoming/" = 2, "images/" = 30, "videos/" = 30 }
    error_message = "The objects of each folder must be deleted by age, images and videos after the retention period."
  }
  assert {
    condition     = google_storage_bucket.videos.soft_delete_policy[0].retention_duration_seconds == 0 && !google_storage_bucket.videos.versioning[0].enabled
    error_message = "Deleted objects must be gone for good."
  }
  assert {
    condition     = google_storage_bucket.videos.cors[0].origin == tolist(["https://reelay-test.firebaseapp.com", "https://reelay-test.web.app", "https://app.example.com"]) && google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["ALLOWED_ORIGINS"] == join(",", google_storage_bucket.videos.cors[0].origin)
    error_message = "The bucket must answer the page's and the given origins, and no other, as the API does."
  }
  assert {
    condition     = length(setsubtract(["content-type", "x-goog-content-length-range", "x-goog-if-generation-match", "Range", "Content-Range", "Content-Length", "ETag"], google_storage_bucket.videos.cors[0].response_header)) == 0 && join(" ", sort(google_storage_bucket.videos.cors[0].method)) == "GET HEAD PUT"
    error_message = "A browser must be able to send the signed headers, and to read the response's."
  }
  assert {
    condition     = !google_identity_platform_config.users[0].sign_in[0].anonymous[0].enabled && google_identity_platform_config.users[0].client[0].permissions[0].disabled_user_signup
    error_message = "No anonymous users, and no sign-up unless chosen."
  }
  assert {
    condition     = google_identity_platform_config.users[0].client[0].permissions[0].disabled_user_deletion
    error_message = "A user who signs up again would have a new cap."
  }
  assert {
    condition     = google_firebase_hosting_site.web[0].site_id == "reelay-test" && google_firebase_hosting_site.web[0].app_id == google_firebase_web_app.web[0].app_id && output.web_url == "https://reelay-test.firebaseapp.com"
    error_message = "The page must be on the project's own site, at the address where sign-in is handled."
  }
  assert {
    condition     = google_firebase_web_app.web[0].api_key_id == google_apikeys_key.web[0].uid && jsondecode(output.web_config).firebase == { apiKey = "the-pages-own", authDomain = "reelay-test.firebaseapp.com", appId = google_firebase_web_app.web[0].app_id }
    error_message = "The page must publish a key of its own: Firebase would pick any unrestricted key of the project, which may call Gemini at our cost."
  }
  assert {
    condition     = google_apikeys_key.web[0].name == "reelay-web-${random_id.web_key[0].hex}" && contains(keys(google_project_service.apis), "apikeys.googleapis.com")
    error_message = "A deleted key's name stays blocked, and its API must be on."
  }
  assert {
    condition     = toset(google_identity_platform_config.users[0].authorized_domains) == toset(["reelay-test.firebaseapp.com", "reelay-test.web.app", "app.example.com"]) && contains(split(",", google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["ALLOWED_ORIGINS"]), output.web_url)
    error_message = "Sign-in and the API must take the page's addresses."
  }
  assert {
    condition     = local.page == { api = local.function_urls.api, project = "reelay-test", signIn = ["google", "email"], emulators = { firestore = null, auth = null }, developmentUsers = null } && !google_identity_platform_config.users[0].sign_in[0].email[0].password_required && google_identity_platform_config.users[0].sign_in[0].email[0].enabled
    error_message = "The page's configuration must be complete, and the sign-in that it offers must be enabled."
  }

  # Budget ----------------------------------------------------------------------------

  assert {
    condition     = google_billing_budget.project[0].all_updates_rule[0].pubsub_topic == google_pubsub_topic.budget.id && google_billing_budget.project[0].all_updates_rule[0].schema_version == "1.0" && length(google_billing_budget.project[0].all_updates_rule[0].monitoring_notification_channels) == 1
    error_message = "The budget must publish to its topic, and send e-mails, too."
  }
  assert {
    condition     = google_pubsub_subscription.budget.topic == google_pubsub_topic.budget.id && google_pubsub_subscription.budget.push_config[0].push_endpoint == local.function_urls.budget_alert && google_pubsub_subscription.budget.push_config[0].oidc_token[0].service_account_email == local.emails["pubsub-invoker"] && google_pubsub_subscription.budget.push_config[0].oidc_token[0].audience == google_cloudfunctions2_function.functions["budget_alert"].service_config[0].environment_variables["BUDGET_ALERT_AUDIENCE"]
    error_message = "The topic must reach the function, as pubsub-invoker, with the audience that the function checks."
  }
  assert {
    condition     = length(google_pubsub_subscription.budget.push_config[0].no_wrapper) == 0 && google_pubsub_subscription.budget.ack_deadline_seconds == google_cloudfunctions2_function.functions["budget_alert"].service_config[0].timeout_seconds
    error_message = "The push must use Pub/Sub's envelope, and Pub/Sub must wait as long as the function may take."
  }
  assert {
    condition     = google_pubsub_subscription.budget.expiration_policy[0].ttl == "" && google_pubsub_subscription.budget_dead_letters.expiration_policy[0].ttl == ""
    error_message = "A subscription must not expire while the budget is silent."
  }
  assert {
    condition     = google_pubsub_subscription.budget.retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.budget.retry_policy[0].maximum_backoff == "600s" && google_pubsub_subscription.budget.dead_letter_policy[0].max_delivery_attempts == 20
    error_message = "An outage of hours must lose no notification: it is delivered again for three hours before it becomes a dead letter."
  }
  assert {
    condition     = google_pubsub_subscription.budget_dead_letters.message_retention_duration == "2678400s" && google_pubsub_topic_iam_member.pubsub_publishes_dead_letters.role == "roles/pubsub.publisher" && google_pubsub_subscription_iam_member.pubsub_acknowledges_dead_letters.role == "roles/pubsub.subscriber"
    error_message = "Pub/Sub must be able to put dead letters aside, and they must stay for a month."
  }
  assert {
    condition     = google_pubsub_subscription.budget.dead_letter_policy[0].dead_letter_topic == google_pubsub_topic.budget_dead_letters.id && google_pubsub_subscription.budget_dead_letters.topic == google_pubsub_topic.budget_dead_letters.id && google_pubsub_topic_iam_member.pubsub_publishes_dead_letters.topic == google_pubsub_topic.budget_dead_letters.name && google_pubsub_topic_iam_member.pubsub_publishes_dead_letters.member == google_project_service_identity.agents["pubsub.googleapis.com"].member && google_pubsub_subscription_iam_member.pubsub_acknowledges_dead_letters.subscription == google_pubsub_subscription.budget.name
    error_message = "Undelivered messages must be kept as dead letters, which Pub/Sub must be able to publish."
  }
  assert {
    condition     = google_service_account_iam_member.pubsub_signs_as_its_invoker.service_account_id == local.account_ids["pubsub-invoker"] && google_service_account_iam_member.pubsub_signs_as_its_invoker.role == "roles/iam.serviceAccountTokenCreator"
    error_message = "Pub/Sub itself must sign as pubsub-invoker."
  }
  assert {
    condition     = join(" ", [for rule in google_billing_budget.project[0].threshold_rules : "${rule.spend_basis}:${rule.threshold_percent}"]) == "CURRENT_SPEND:0.5 CURRENT_SPEND:0.8 CURRENT_SPEND:1 FORECASTED_SPEND:1"
    error_message = "Thresholds: 50, 80, 100 % spent, 100 % forecast."
  }
  assert {
    condition     = google_billing_budget.project[0].amount[0].specified_amount[0].units == "50" && google_billing_budget.project[0].amount[0].specified_amount[0].currency_code == "the account's"
    error_message = "The budget must have the chosen amount, in the billing account's currency: naming one fails."
  }
  assert {
    condition     = one(google_billing_budget.project[0].budget_filter[0].projects) == "projects/123456789012" && google_billing_budget.project[0].budget_filter[0].calendar_period == "MONTH" && google_billing_budget.project[0].budget_filter[0].credit_types_treatment == "EXCLUDE_ALL_CREDITS"
    error_message = "The budget must watch this project alone, by its number, each month, and count what credits pay for."
  }

  # Alerts and the dashboard ----------------------------------------------------------

  assert {
    condition = join(" ", sort(keys(google_monitoring_alert_policy.events))) == "all_providers_failed answer_not_recorded answered_too_late budget_silent circuit_opened decoder_not_started job_abandoned job_out_of_time job_stuck kill_switch ledger_not_checked ledger_out_of_balance price_differs prompts_not_translated submission_unknown vendor_silent video_not_stored" && alltrue([
      for name, policy in google_monitoring_alert_policy.events : length(policy.conditions[0].condition_matched_log) == 1 && policy.alert_strategy[0].notification_rate_limit[0].period == (contains(["price_differs", "prompts_not_translated"], name) ? "86400s" : "3600s")
    ])
    error_message = "Each of these events must alert, at most once an hour."
  }
  assert {
    condition = alltrue([
      for policy in concat(values(google_monitoring_alert_policy.events), values(google_monitoring_alert_policy.usage), values(google_monitoring_alert_policy.burn), [
        google_monitoring_alert_policy.failure_ratio, google_monitoring_alert_policy.sweep_not_running, google_monitoring_alert_policy.queues, google_monitoring_alert_policy.dead_letters,
        google_monitoring_alert_policy.private_made_public, google_monitoring_alert_policy.unreachable,
      ]) : strcontains(policy.documentation[0].content, "**Do:**") && !can(regex("PROJECT|REGION|API_URL|BUCKET", policy.documentation[0].content)) && length(policy.notification_channels) == 1
    ])
    error_message = "Each alert must say what to do in this project, and have a recipient."
  }
  assert {
    condition     = google_monitoring_alert_policy.sweep_not_running.conditions[0].condition_absent[0].duration == "600s" && strcontains(google_monitoring_alert_policy.sweep_not_running.conditions[0].condition_absent[0].filter, "run.googleapis.com/request_count") && strcontains(google_monitoring_alert_policy.sweep_not_running.conditions[0].condition_absent[0].filter, "\"sweep\" AND metric.labels.response_code_class=\"2xx\"")
    error_message = "A sweep that is not called for ten minutes must alert, by Cloud Run's own count."
  }
  assert {
    condition     = strcontains(google_monitoring_alert_policy.dead_letters.conditions[0].condition_threshold[0].filter, google_pubsub_subscription.budget_dead_letters.name) && google_monitoring_alert_policy.dead_letters.conditions[0].condition_threshold[0].threshold_value == 0
    error_message = "A dead letter must alert."
  }
  assert {
    condition     = google_monitoring_alert_policy.failure_ratio.conditions[0].condition_threshold[0].denominator_filter != null && google_monitoring_alert_policy.failure_ratio.combiner == "AND"
    error_message = "Failures must alert by their ratio, and not if there are only few."
  }
  assert {
    condition     = alltrue([for word in ["worker", "sweep", "budget-alert", "allUsers", "invoker-iam-disabled"] : strcontains(google_monitoring_alert_policy.private_made_public.conditions[0].condition_matched_log[0].filter, word)])
    error_message = "A private function that becomes public must alert, in either way."
  }
  assert {
    condition     = google_monitoring_alert_policy.queues.conditions[0].condition_threshold[0].threshold_value == 300000 && google_monitoring_alert_policy.queues.conditions[1].condition_threshold[0].threshold_value == 1000
    error_message = "Tasks that are five minutes late, or many, must alert; the few minutes that Cloud Tasks is late by itself must not."
  }
  assert {
    condition     = google_monitoring_alert_policy.unreachable.conditions[0].condition_threshold[0].threshold_value == 1 && google_monitoring_alert_policy.unreachable.conditions[0].condition_threshold[0].comparison == "COMPARISON_GT" && google_monitoring_alert_policy.unreachable.conditions[0].condition_threshold[0].aggregations[0].cross_series_reducer == "REDUCE_COUNT_FALSE"
    error_message = "An API that fails from two places must alert; one place alone may have a fault of its own."
  }
  assert {
    condition     = endswith(output.dashboard_url, "/monitoring/dashboards/builder/reelay?project=reelay-test")
    error_message = "The dashboard's address must be printed."
  }
  assert {
    condition     = { for name, policy in google_monitoring_alert_policy.usage : name => policy.conditions[0].condition_threshold[0].threshold_value } == { bytes_sent = 50000000000, firestore_reads = 1000000 }
    error_message = "Reads and downloads must alert before they cost a day's budget."
  }
  assert {
    condition     = join(" ", keys(google_monitoring_alert_policy.usage)) == "bytes_sent firestore_reads" && strcontains(google_monitoring_alert_policy.usage["bytes_sent"].conditions[0].condition_threshold[0].filter, google_storage_bucket.videos.name)
    error_message = "Reads and downloads, which no cap counts, must alert."
  }
  assert {
    condition     = { for name, slo in google_monitoring_slo.api : name => slo.goal } == { availability = 0.995, latency = 0.95 } && strcontains(google_monitoring_slo.api["availability"].request_based_sli[0].good_total_ratio[0].bad_service_filter, "\"api\" AND metric.labels.response_code_class=\"5xx\"") && google_monitoring_slo.api["latency"].request_based_sli[0].distribution_cut[0].range[0].max == 4000
    error_message = "The objectives: 99.5 % of the API's requests without 5xx, 95 % within 4 seconds."
  }
  assert {
    condition = { for policy in google_monitoring_alert_policy.burn : policy.conditions[0].condition_threshold[0].filter => policy.conditions[0].condition_threshold[0].threshold_value } == {
      "select_slo_burn_rate(\"projects/123456789012/services/reelay-api/serviceLevelObjectives/availability\", \"3600s\")"  = 14.4
      "select_slo_burn_rate(\"projects/123456789012/services/reelay-api/serviceLevelObjectives/availability\", \"21600s\")" = 6
      "select_slo_burn_rate(\"projects/123456789012/services/reelay-api/serviceLevelObjectives/latency\", \"3600s\")"       = 10
    }
    error_message = "An error budget that burns fast or steadily must alert, and so must slowness."
  }
  assert {
    condition     = google_monitoring_uptime_check_config.health.http_check[0].path == "/api/health" && google_monitoring_uptime_check_config.health.monitored_resource[0].labels["host"] == "asia-northeast3-reelay-test.cloudfunctions.net"
    error_message = "An API that nothing can reach must alert."
  }
  assert {
    condition     = join(" ", sort([for metric in google_logging_metric.distributions : metric.metric_descriptor[0].unit])) == "s {USD}"
    error_message = "A metric's unit must be one of UCUM's, or in braces."
  }
  assert {
    condition = alltrue([for widget in jsondecode(google_monitoring_dashboard.reelay.dashboard_json).gridLayout.widgets : length(widget.xyChart.dataSets[0].timeSeriesQuery.prometheusQuery) > 0]) && alltrue([
      for metric in concat(keys(google_logging_metric.counters), keys(google_logging_metric.distributions)) :
      strcontains(google_monitoring_dashboard.reelay.dashboard_json, "user_${metric}")
    ])
    error_message = "The dashboard must draw each metric."
  }
}
