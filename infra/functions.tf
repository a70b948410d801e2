# The four functions, built from one map and one zip.
#
# Instances, concurrency and memory belong together. The project has a quota of CPUs and
# memory per region (20 and 40 GiB for a new project). Google refuses a single function that
# asks for more, and starts no instances beyond it for all functions together: without a
# reserve for worker, a rush on api would stop the steps of paid jobs. While a deploy replaces
# a revision, both run, so twice the instances must fit. Threads equal concurrency: gunicorn
# would otherwise have 4 per CPU, and the other calls that Cloud Run lets in would wait unseen.
locals {
  functions = {
    # Short reads and commits. Large bodies are read three at a time
    # (functions/http/receiving.py): with their copies they and the rest of 20 calls were
    # seen to take 800 MB.
    api = {
      account         = "api"
      memory          = "2Gi"
      concurrency     = 20
      timeout_seconds = 60
      max_instances   = var.api_instances
      secrets         = local.webhook_secret
    }
    # Images and videos are decoded in one child process at a time, with an address space of
    # at most 1.4 GB (shared/media/decoder.py). Beside 300 MiB of libraries that fits 2 GiB,
    # with room for copies of two videos of the usual 10 to 60 MB, since /tmp is memory, too.
    # If it doesn't fit, the instance ends and both steps are retried. Timeout = dispatch
    # deadline (shared/wiring/adapters.py) > lease (90 s).
    worker = {
      account         = "worker"
      memory          = "2Gi"
      concurrency     = 2
      timeout_seconds = 300
      max_instances   = var.worker_instances
      secrets         = local.secrets
    }
    # One at a time, as two would do the same work. At most 500 jobs, with one enqueue each.
    sweep = {
      account         = "sweep"
      memory          = "512Mi"
      concurrency     = 1
      timeout_seconds = 300
      max_instances   = 1
      secrets         = {}
    }
    # A few notifications an hour, with one commit each.
    budget_alert = {
      account         = "budget-alert"
      memory          = "512Mi"
      concurrency     = 4
      timeout_seconds = 60
      max_instances   = 1
      secrets         = {}
    }
  }

  # The most that all functions together may use while a deploy replaces them.
  max_cpus       = 2 * sum([for function in local.functions : function.max_instances])
  max_memory_gib = 2 * sum([for function in local.functions : function.max_instances * (function.memory == "2Gi" ? 2 : 0.5)])

  # The environment variables of shared/settings.py. Every function reads and validates all
  # of them, except for the secrets.
  settings = {
    GOOGLE_CLOUD_PROJECT     = var.project_id # Cloud Run doesn't set it
    BUCKET                   = google_storage_bucket.videos.name
    PROVIDER_CHAIN           = join(",", var.provider_chain)
    RUNWAY_MODEL             = var.runway_model
    VEO_MODEL                = var.veo_model
    OMNI_MODEL               = var.omni_model
    TRANSLATION_MODEL        = var.translation_model
    VEO_LOCATION             = var.veo_location
    ON_UNKNOWN_SUBMISSION    = var.on_unknown_submission
    DAILY_LIMIT_USD          = var.daily_limit_usd
    MONTHLY_LIMIT_USD        = var.monthly_limit_usd
    USER_DAILY_LIMIT_USD     = var.user_daily_limit_usd
    USER_MONTHLY_LIMIT_USD   = var.user_monthly_limit_usd
    USER_MAX_JOBS            = var.user_max_jobs
    USER_MAX_JOBS_PER_MINUTE = var.user_max_jobs_per_minute
    USER_REQUESTS_PER_SECOND = var.user_requests_per_second
    LIMITS_TIME_ZONE         = var.limits_time_zone
    TIGHT_MAX_USD_PER_SECOND = var.tight_max_usd_per_second
    RETENTION_DAYS           = var.retention_days
    TRACE_SAMPLE_RATIO       = var.trace_sample_ratio
    ALLOWED_ORIGINS          = join(",", local.allowed_origins)
    TASKS_LOCATION           = var.region
    STARTS_QUEUE             = google_cloud_tasks_queue.queues["starts"].name
    STEPS_QUEUE              = google_cloud_tasks_queue.queues["steps"].name
    WEBHOOKS_QUEUE           = google_cloud_tasks_queue.queues["webhooks"].name
    WORKER_URL               = local.function_urls.worker
    WORKER_AUDIENCE          = local.function_urls.worker
    SWEEP_AUDIENCE           = local.function_urls.sweep
    BUDGET_ALERT_AUDIENCE    = local.function_urls.budget_alert
    TASKS_INVOKER            = local.emails["tasks-invoker"]
    SCHEDULER_INVOKER        = local.emails["scheduler-invoker"]
    PUBSUB_INVOKER           = local.emails["pubsub-invoker"]
  }
  # A setting that is null keeps the code's default.
  environment = { for name, value in local.settings : name => tostring(value) if value != null }

  # What ships: the files that packaged.json lists, and no others.
  packaged_files = toset(flatten([
    for pattern in jsondecode(file("${path.module}/packaged.json")) :
    tolist(fileset("${path.module}/..", pattern))
  ]))
}

data "archive_file" "source" {
  type        = "zip"
  output_path = "${path.module}/.terraform/reelay-source.zip"

  dynamic "source" {
    for_each = local.packaged_files
    content {
      filename = source.value
      content  = file("${path.module}/../${source.value}")
    }
  }
}

resource "google_storage_bucket_object" "source" {
  bucket = google_storage_bucket.source.name
  name   = "source-${data.archive_file.source.output_sha256}.zip"
  source = data.archive_file.source.output_path
}

resource "google_cloudfunctions2_function" "functions" {
  for_each = local.functions

  name     = local.function_names[each.key]
  location = var.region

  build_config {
    runtime     = "python313"
    entry_point = each.key
    # The default build account may have no roles, or too many.
    service_account   = local.account_ids["builder"]
    docker_repository = google_artifact_registry_repository.images.id
    # With any such date, Python's compiler identifies a source by its hash. Otherwise it
    # does by its time, which the image doesn't keep, and each start compiles all modules.
    environment_variables = { SOURCE_DATE_EPOCH = "315532800" }
    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = local.emails[each.value.account]
    available_cpu                    = "1" # less allows no concurrency
    available_memory                 = each.value.memory
    max_instance_request_concurrency = each.value.concurrency
    max_instance_count               = each.value.max_instances
    timeout_seconds                  = each.value.timeout_seconds
    all_traffic_on_latest_revision   = true
    # Cloud Tasks, Scheduler and Pub/Sub count as internal only at the run.app address, which
    # cannot be computed. IAM admits only the invokers, and the code checks again.
    ingress_settings = "ALLOW_ALL"

    environment_variables = merge(
      local.environment,
      {
        THREADS = tostring(each.value.concurrency)
        # Functions created by this API get "true", which makes functions-framework install its
        # own log handler before ours: libraries would log signed URLs unredacted.
        LOG_EXECUTION_ID = "false"
        # gRPC bypasses our logs and writes text without a severity to stderr, even about
        # connections that it reopens. A call that fails raises all the same.
        GRPC_VERBOSITY = "ERROR"
      },
      length(each.value.secrets) > 0 ? { KEYS_REVISION = tostring(var.keys_revision) } : {},
    )

    dynamic "secret_environment_variables" {
      for_each = each.value.secrets
      content {
        # Google stores the number; an ID would show as a change in each plan.
        project_id = data.google_project.this.number
        key        = secret_environment_variables.key
        secret     = secret_environment_variables.value
        version    = "latest"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.max_cpus <= var.region_cpus && local.max_memory_gib <= var.region_memory_gib
      error_message = "While a deploy replaces them, all functions together may use ${local.max_cpus} CPUs and ${local.max_memory_gib} GiB, which is more than region_cpus or region_memory_gib: lower api_instances or worker_instances."
    }
  }
  # Without these, the build, the first start or the first query fails. Terraform waits until
  # an index is built.
  depends_on = [
    google_firestore_index.indexes,
    google_firestore_field.wake_at,
    google_firestore_field.webhook_due_at,
    google_firestore_field.open_jobs,
    google_firestore_field.ttl,
    google_project_iam_member.grants,
    google_storage_bucket_iam_member.builder_reads_source,
    google_project_iam_member.builder_reads_copied_source,
    google_artifact_registry_repository_iam_member.builder_writes_images,
    google_secret_manager_secret_iam_member.worker_reads_keys,
    google_secret_manager_secret_iam_member.api_reads_webhook_secret,
    google_secret_manager_secret_version.unset,
    google_storage_bucket_iam_member.videos,
    google_cloud_tasks_queue_iam_member.enqueuers,
    google_service_account_iam_member.enqueuers_act_as_tasks_invoker,
    google_service_account_iam_member.signers_sign_as_themselves,
  ]
}
