# The functions and what calls them: figures that belong together, addresses, secrets.

mock_provider "google" {
  source = "./tests/mocks/google"
}
mock_provider "google-beta" {
  source = "./tests/mocks/google-beta"
}
mock_provider "random" {
  mock_resource "random_id" {
    override_during = plan
    defaults        = { hex = "0a1b2c" }
  }
}
mock_provider "archive" {
  mock_data "archive_file" {
    defaults = { output_sha256 = "5e7ed" }
  }
}

variables {
  project_id        = "reelay-test"
  region            = "asia-northeast3"
  billing_account   = "012345-6789AB-CDEF01"
  gcp_budget_amount = 50
  alert_emails      = ["owner@example.com"]
  allowed_origins   = ["https://app.example.com"]
}

run "functions" {
  command = plan

  assert {
    condition     = { for function in google_cloudfunctions2_function.functions : function.name => function.build_config[0].entry_point } == { api = "api", worker = "worker", sweep = "sweep", budget-alert = "budget_alert" }
    error_message = "The four functions, and their entry points."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.build_config[0].runtime == "python313"])
    error_message = "Python 3.13."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["THREADS"] == tostring(function.service_config[0].max_instance_request_concurrency)])
    error_message = "Threads must equal concurrency: gunicorn has 4 otherwise."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].max_instance_request_concurrency == 1 || tonumber(function.service_config[0].available_cpu) >= 1])
    error_message = "Concurrency above 1 needs a whole CPU."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].timeout_seconds != null && function.service_config[0].max_instance_count != null && function.service_config[0].available_memory != null])
    error_message = "Timeout, instances and memory must be said: the defaults are others."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].max_instance_count * tonumber(function.service_config[0].available_cpu) <= 20])
    error_message = "A new project may ask for 20 CPUs per function."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].timeout_seconds >= 300
    error_message = "The worker's timeout must reach the dispatch deadline (300 s)."
  }
  assert {
    # 1,000 MB for the largest image, one at a time; 300 MiB for the libraries, and
    # 100 MiB for each other step.
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].max_instance_request_concurrency * 100 + 1300 <= 2048 && google_cloudfunctions2_function.functions["worker"].service_config[0].available_memory == "2Gi"
    error_message = "As many of the largest images as come at once must fit the worker's memory."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["sweep"].service_config[0].max_instance_count * google_cloudfunctions2_function.functions["sweep"].service_config[0].max_instance_request_concurrency == 1
    error_message = "One sweep at a time."
  }

  assert {
    condition     = sum([for queue in google_cloud_tasks_queue.queues : queue.rate_limits[0].max_concurrent_dispatches]) <= google_cloudfunctions2_function.functions["worker"].service_config[0].max_instance_count * google_cloudfunctions2_function.functions["worker"].service_config[0].max_instance_request_concurrency
    error_message = "The queues must not dispatch more at once than the worker takes."
  }
  assert {
    condition     = toset(keys(google_cloud_tasks_queue.queues)) == toset(["starts", "steps"])
    error_message = "Two queues, so that either can be paused alone."
  }
  assert {
    condition     = alltrue([for name, queue in google_cloud_tasks_queue.queues : queue.name == "${name}-${random_id.queues.hex}"])
    error_message = "A queue's name must end in something random: a deleted one stays blocked."
  }
  assert {
    condition     = alltrue([for queue in google_cloud_tasks_queue.queues : queue.retry_config[0].max_attempts > 1 && queue.retry_config[0].max_backoff == "60s"])
    error_message = "A task is tried again, and soon enough."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["STARTS_QUEUE"] == google_cloud_tasks_queue.queues["starts"].name && google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["STEPS_QUEUE"] == google_cloud_tasks_queue.queues["steps"].name
    error_message = "The functions must be told the queues' names as they are."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["BUCKET"] == google_storage_bucket.videos.name])
    error_message = "The functions must be told the bucket's name as it is."
  }
  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : function.service_config[0].environment_variables["GOOGLE_CLOUD_PROJECT"] == "reelay-test"])
    error_message = "Cloud Run doesn't set GOOGLE_CLOUD_PROJECT."
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
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["TASKS_INVOKER"] == local.emails["tasks-invoker"]
    error_message = "The worker must know who its invoker is."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["DAILY_LIMIT_USD"] == "20" && google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["TIGHT_MAX_USD_PER_SECOND"] == "0.15"
    error_message = "There must be a cap unless one says otherwise, and money must keep its digits."
  }
  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables), "VEO_MODEL")
    error_message = "What is null must be left to the code."
  }

  assert {
    condition     = alltrue([for function in google_cloudfunctions2_function.functions : length(setintersection(keys(function.service_config[0].environment_variables), ["RUNWAY_API_KEY", "GEMINI_API_KEY"])) == 0])
    error_message = "Keys must not be in the plain environment."
  }
  assert {
    condition     = { for name, function in google_cloudfunctions2_function.functions : name => join(" ", sort(function.service_config[0].secret_environment_variables[*].key)) } == { api = "", worker = "GEMINI_API_KEY RUNWAY_API_KEY", sweep = "", budget_alert = "" }
    error_message = "Only the worker reads keys."
  }
  assert {
    condition     = alltrue([for secret in google_cloudfunctions2_function.functions["worker"].service_config[0].secret_environment_variables : secret.version == "latest"])
    error_message = "Secrets must be read at their latest version."
  }
  assert {
    condition     = alltrue([for version in google_secret_manager_secret_version.unset : version.secret_data_wo_version == 1 && version.secret_data == null])
    error_message = "A secret's value must be write-only: never in the state."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["KEYS_REVISION"] == "1"
    error_message = "Raising keys_revision must make a new revision of the worker."
  }

  assert {
    condition     = google_storage_bucket_object.source.name == "source-${data.archive_file.source.output_sha256}.zip"
    error_message = "The zip must be named by its hash: else a changed one isn't deployed."
  }
  assert {
    condition     = alltrue([for file in local.packaged_files : can(regex("^(main[.]py|requirements[.]txt|functions/.*[.]py|shared/.*[.]py)$", file))])
    error_message = "Nothing may ship beside the allow-list."
  }
  assert {
    condition     = length(setintersection(local.packaged_files, ["main.py", "requirements.txt", "functions/api.py", "shared/wiring.py"])) == 4
    error_message = "What ships must be there."
  }

  assert {
    condition     = google_cloud_scheduler_job.sweep.schedule == "* * * * *" && google_cloud_scheduler_job.sweep.http_target[0].uri == "https://asia-northeast3-reelay-test.cloudfunctions.net/sweep"
    error_message = "Every minute the sweep is called."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep.http_target[0].oidc_token[0].audience == google_cloudfunctions2_function.functions["sweep"].service_config[0].environment_variables["SWEEP_AUDIENCE"] && google_cloud_scheduler_job.sweep.http_target[0].oidc_token[0].service_account_email == local.emails["scheduler-invoker"]
    error_message = "Cloud Scheduler must come as scheduler-invoker, with the audience that sweep checks."
  }
  assert {
    condition     = alltrue([for api in google_project_service.apis : api.disable_on_destroy == false])
    error_message = "Destroying must not take an API from others."
  }
  assert {
    condition     = contains(keys(google_project_service.apis), "iamcredentials.googleapis.com")
    error_message = "Addresses can't be signed without iamcredentials."
  }
}

run "as_chosen" {
  command = plan

  variables {
    daily_limit_usd  = null
    keys_revision    = 2
    veo_model        = "veo-3.1-fast-generate-001"
    limits_time_zone = "America/Argentina/Buenos_Aires"
  }

  assert {
    condition     = !contains(keys(google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables), "DAILY_LIMIT_USD")
    error_message = "Null must be no cap."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["KEYS_REVISION"] == "2"
    error_message = "A raised keys_revision must reach the worker."
  }
  assert {
    condition     = google_cloudfunctions2_function.functions["worker"].service_config[0].environment_variables["VEO_MODEL"] == "veo-3.1-fast-generate-001" && google_cloudfunctions2_function.functions["api"].service_config[0].environment_variables["LIMITS_TIME_ZONE"] == "America/Argentina/Buenos_Aires"
    error_message = "Model and time zone must reach the functions."
  }
}
