# Where it runs -------------------------------------------------------------------------

variable "project_id" {
  description = "The ID of an existing Google Cloud project with billing."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project's id (not its name or number): 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "The region of functions, queues and the scheduler."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as us-central1 or asia-northeast3, not a zone or a multi-region."
  }
}

variable "firestore_location" {
  description = "Where Firestore keeps its data: a region, nam5 or eur3. It can never be changed. Null: var.region."
  type        = string
  default     = null

  validation {
    condition     = var.firestore_location == null || can(regex("^([a-z]+-[a-z]+[0-9]+|nam5|eur3)$", var.firestore_location))
    error_message = "firestore_location must be a region such as us-central1, or nam5 or eur3."
  }
}

variable "bucket_location" {
  description = "Where images and videos are kept: a region, US, EU or ASIA. It can never be changed. Null: var.region."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_location == null || can(regex("^([a-z]+-[a-z]+[0-9]+|US|EU|ASIA)$", var.bucket_location))
    error_message = "bucket_location must be a region such as us-central1, or US, EU or ASIA."
  }
}

variable "veo_location" {
  description = "Where Veo is called. Few regions serve it, so this does not follow var.region."
  type        = string
  default     = "us-central1"
  nullable    = false

  validation {
    condition     = can(regex("^([a-z]+-[a-z]+[0-9]{1,2}|global|us|eu)$", var.veo_location))
    error_message = "veo_location must be a region such as us-central1, or global, us or eu."
  }
}

variable "existing" {
  description = "What the project already has and cannot be created twice, so it is imported: firestore_database, firestore_rules, identity_platform, firebase_project, hosting_site, videos_bucket. `make deploy` detects all of them itself, except for identity_platform."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.existing, ["firestore_database", "firestore_rules", "identity_platform", "firebase_project", "hosting_site", "videos_bucket"])) == 0
    error_message = "existing may name firestore_database, firestore_rules, identity_platform, firebase_project, hosting_site and videos_bucket."
  }
}

variable "api_instances" {
  description = "How many instances of `api` may run at once. Each takes 20 calls, with 1 CPU and 2 GiB."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.api_instances >= 1 && floor(var.api_instances) == var.api_instances
    error_message = "api_instances must be a whole number of at least 1."
  }
}

variable "worker_instances" {
  description = "How many instances of `worker` may run at once. Each takes 2 steps, with 1 CPU and 2 GiB. The queues dispatch as much as that together."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.worker_instances >= 2 && floor(var.worker_instances) == var.worker_instances
    error_message = "worker_instances must be a whole number of at least 2."
  }
}

variable "region_cpus" {
  description = "The project's quota of Cloud Run CPUs in the region, which all functions share: 20 for a new project. `make deploy` reads it."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.region_cpus >= 10 && floor(var.region_cpus) == var.region_cpus
    error_message = "region_cpus must be a whole number of at least 10."
  }
}

variable "region_memory_gib" {
  description = "The project's quota of Cloud Run memory in the region, in GiB, which all functions share: 40 for a new project. `make deploy` reads it."
  type        = number
  default     = 40
  nullable    = false

  validation {
    condition     = var.region_memory_gib >= 14 && floor(var.region_memory_gib) == var.region_memory_gib
    error_message = "region_memory_gib must be a whole number of at least 14."
  }
}

# Budget and alerts ---------------------------------------------------------------------

variable "billing_account" {
  description = "The billing account of the project, such as 012345-6789AB-CDEF01. Needed for the budget."
  type        = string
  default     = null

  validation {
    condition     = var.billing_account == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account must look like 012345-6789AB-CDEF01: see `gcloud billing accounts list`."
  }
  validation {
    condition     = !var.enable_budget || var.billing_account != null
    error_message = "billing_account is needed for the budget; enable_budget = false deploys without one."
  }
}

variable "enable_budget" {
  description = "Whether to create the budget that pauses spending. False deploys without it, with a warning."
  type        = bool
  default     = true
  nullable    = false
}

variable "gcp_budget_amount" {
  description = "What the project may cost on Google Cloud in a month, Veo included, in whole units of the billing account's own currency (50 is 50 dollars, or 50 won)."
  type        = number
  default     = null

  validation {
    condition     = var.gcp_budget_amount == null || try(var.gcp_budget_amount >= 1 && floor(var.gcp_budget_amount) == var.gcp_budget_amount, false)
    error_message = "gcp_budget_amount must be a whole number of at least 1, in the billing account's currency."
  }
  validation {
    condition     = !var.enable_budget || var.gcp_budget_amount != null
    error_message = "gcp_budget_amount is needed for the budget; enable_budget = false deploys without one."
  }
}

variable "budget_notices" {
  description = "Whether the budget notifies the kill switch, through a topic. False if the organisation lets no account of Google's publish to it: then the budget only sends e-mails."
  type        = bool
  default     = true
  nullable    = false
}

variable "spend_cap_amount" {
  description = "Google's own spend cap on the Agent Platform, a month, in whole units of the billing account's currency. Set by `make deploy`, not by Terraform, whose provider has no field for it. Null or 0: none."
  type        = number
  default     = null

  validation {
    condition     = var.spend_cap_amount == null || try(var.spend_cap_amount >= 0 && floor(var.spend_cap_amount) == var.spend_cap_amount, false)
    error_message = "spend_cap_amount must be a whole number, not below 0."
  }
}

variable "alert_emails" {
  description = "Who gets the e-mails of alerts and of the budget: one to five addresses."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "alert_emails must be e-mail addresses."
  }
  validation {
    # A budget takes five channels.
    condition     = length(var.alert_emails) >= 1 && length(var.alert_emails) <= 5
    error_message = "alert_emails must be one to five addresses."
  }
}

# The ledger's caps on what vendors are paid, in USD --------------------------------------

variable "daily_limit_usd" {
  description = "What all users together may spend in a day. Null: no cap."
  type        = number
  default     = 20

  validation {
    condition     = var.daily_limit_usd == null || try(var.daily_limit_usd >= 0, false)
    error_message = "daily_limit_usd must be an amount in USD, not below 0; null means no cap."
  }
}

variable "monthly_limit_usd" {
  description = "What all users together may spend in a month. Null: no cap."
  type        = number
  default     = 200

  validation {
    condition     = var.monthly_limit_usd == null || try(var.monthly_limit_usd >= 0, false)
    error_message = "monthly_limit_usd must be an amount in USD, not below 0; null means no cap."
  }
}

variable "user_daily_limit_usd" {
  description = "What one user may spend in a day. Null: no cap. Until it ends, a job holds at least the price of the provider that it asks."
  type        = number
  default     = 10

  validation {
    condition     = var.user_daily_limit_usd == null || try(var.user_daily_limit_usd >= 0, false)
    error_message = "user_daily_limit_usd must be an amount in USD, not below 0; null means no cap."
  }
}

variable "user_monthly_limit_usd" {
  description = "What one user may spend in a month. Null: no cap."
  type        = number
  default     = 50

  validation {
    condition     = var.user_monthly_limit_usd == null || try(var.user_monthly_limit_usd >= 0, false)
    error_message = "user_monthly_limit_usd must be an amount in USD, not below 0; null means no cap."
  }
}

variable "user_max_jobs" {
  description = "How many jobs one user may have open at once."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.user_max_jobs >= 1 && floor(var.user_max_jobs) == var.user_max_jobs
    error_message = "user_max_jobs must be a whole number of at least 1."
  }
}

variable "user_max_jobs_per_minute" {
  description = "How many jobs one user may create in a minute. Null: 60, or three times user_max_jobs if that is more."
  type        = number
  default     = null

  validation {
    condition     = var.user_max_jobs_per_minute == null || try(var.user_max_jobs_per_minute >= 1 && floor(var.user_max_jobs_per_minute) == var.user_max_jobs_per_minute, false)
    error_message = "user_max_jobs_per_minute must be a whole number of at least 1."
  }
}

variable "user_requests_per_second" {
  description = "How many requests one user may send in a second, to each instance of api; a list counts as one for every five videos that it may show, a large response as one for every 20 KB."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.user_requests_per_second >= 1 && floor(var.user_requests_per_second) == var.user_requests_per_second
    error_message = "user_requests_per_second must be a whole number of at least 1."
  }
}

variable "limits_time_zone" {
  description = "The time zone in which days and months of the caps begin, such as Asia/Seoul."
  type        = string
  default     = "UTC"
  nullable    = false

  validation {
    # `make deploy` also checks that a zone of that name exists.
    condition     = can(regex("^(UTC|(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)(/[A-Z][A-Za-z_-]+){1,2})$", var.limits_time_zone))
    error_message = "limits_time_zone must be UTC, or a continent or ocean and a place, such as Asia/Seoul."
  }
}

variable "tight_max_usd_per_second" {
  description = "The highest price of a provider, in USD per second of video, that is asked while 80 % of the budget is spent."
  type        = number
  default     = 0.15
  nullable    = false

  validation {
    condition     = var.tight_max_usd_per_second >= 0
    error_message = "tight_max_usd_per_second must be an amount in USD, not below 0."
  }
}

# How videos are made -------------------------------------------------------------------

variable "provider_chain" {
  description = "Which providers are asked, in this order."
  type        = list(string)
  default     = ["runway", "runway-http", "gemini-veo-3.1", "gemini-omni-flash"]
  nullable    = false

  validation {
    condition     = length(var.provider_chain) > 0 && length(distinct(var.provider_chain)) == length(var.provider_chain)
    error_message = "provider_chain must name at least one provider, each once."
  }
  validation {
    condition     = length(setsubtract(var.provider_chain, ["runway", "runway-http", "gemini-veo-3.1", "gemini-omni-flash"])) == 0
    error_message = "provider_chain may name runway, runway-http, gemini-veo-3.1 and gemini-omni-flash."
  }
}

variable "runway_model" {
  description = "Runway's model, one of those in shared/domain/catalogue.py. Null: the code's default."
  type        = string
  default     = null

  validation {
    condition     = var.runway_model == null || try(contains(["gen4_turbo", "gen4.5"], var.runway_model), false)
    error_message = "runway_model must be gen4_turbo or gen4.5."
  }
}

variable "veo_model" {
  description = "Veo's model, one of those in shared/domain/catalogue.py. Null: the code's default."
  type        = string
  default     = null

  validation {
    condition     = var.veo_model == null || try(contains(["veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001"], var.veo_model), false)
    error_message = "veo_model must be veo-3.1-generate-001, veo-3.1-fast-generate-001 or veo-3.1-lite-generate-001."
  }
}

variable "omni_model" {
  description = "Omni's model, one of those in shared/domain/catalogue.py. Null: the code's default."
  type        = string
  default     = null

  validation {
    condition     = var.omni_model == null || try(contains(["gemini-omni-1.2-flash", "gemini-omni-1.1-flash"], var.omni_model), false)
    error_message = "omni_model must be gemini-omni-1.2-flash or gemini-omni-1.1-flash."
  }
}

variable "translation_model" {
  description = "The model that translates prompts into English, one of those in shared/domain/catalogue.py, or off. Null: the code's default."
  type        = string
  default     = null

  validation {
    condition     = var.translation_model == null || try(contains(["gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "off"], var.translation_model), false)
    error_message = "translation_model must be gemini-3.5-flash-lite, gemini-3.1-flash-lite or off."
  }
}

variable "on_unknown_submission" {
  description = "What follows a paid call with an unknown outcome: ask the next vendor (fallback) or end the job (stop)."
  type        = string
  default     = "fallback"
  nullable    = false

  validation {
    condition     = contains(["fallback", "stop"], var.on_unknown_submission)
    error_message = "on_unknown_submission must be fallback or stop."
  }
}

variable "keys_revision" {
  description = "Raised when a key has been stored: only a new revision sees the new version of the secret, running instances do not."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.keys_revision >= 1 && floor(var.keys_revision) == var.keys_revision
    error_message = "keys_revision must be a whole number of at least 1."
  }
}

variable "trace_sample_ratio" {
  description = "The share of requests and jobs that is shown in Cloud Trace, from 0 (none, at no cost) to 1. Each response then waits for its spans to be written."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.trace_sample_ratio >= 0 && var.trace_sample_ratio <= 1
    error_message = "trace_sample_ratio must be from 0 to 1."
  }
}

# Who may reach it, and for how long things are kept --------------------------------------

variable "api_public" {
  description = "Whether allUsers may call `api`, which checks each caller itself. False where the organisation forbids allUsers: then each deploy runs `gcloud run services update api --no-invoker-iam-check`."
  type        = bool
  default     = true
  nullable    = false
}

variable "allowed_origins" {
  description = "Exact origins of your own frontends, such as https://app.example.com. Those of the hosted page are added."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[a-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "allowed_origins must be exact origins, as https://app.example.com: no path, no slash at the end, no *."
  }
}

variable "enable_web" {
  description = "Whether to host the web page, and to create what it needs: Firebase, its web app, and sign-in."
  type        = bool
  default     = true
  nullable    = false
}

variable "sign_in" {
  description = "How users sign in to the web page: google (switched on once in Firebase's console), email (a link by e-mail)."
  type        = set(string)
  default     = ["google", "email"]
  nullable    = false

  validation {
    condition     = length(var.sign_in) > 0 && length(setsubtract(var.sign_in, ["google", "email"])) == 0
    error_message = "sign_in may name google and email, and must name one."
  }
}

variable "open_sign_up" {
  description = "Whether anyone may sign up, and so get a cap of their own: one person may do so many times, and only daily_limit_usd and monthly_limit_usd bound them all. False: an admin adds users."
  type        = bool
  default     = false
  nullable    = false
}

variable "retention_days" {
  description = "How many days jobs, images and videos are kept. The ledger and the usage stay. A lower number deletes the files of earlier jobs, too, although their records stay for as long as they were made for."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.retention_days >= 2 && var.retention_days <= 3650 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 2 to 3650: a job may be under way for more than a day."
  }
}

# Continuous deployment -------------------------------------------------------------------

variable "ci_repository" {
  description = "A repository connected to Cloud Build, as projects/P/locations/L/connections/C/repositories/R, whose main branch is checked and deployed. With a budget the first apply needs roles/billing.admin on the billing account. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.ci_repository == null || can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+/repositories/[^/]+$", var.ci_repository))
    error_message = "ci_repository must look like projects/P/locations/L/connections/C/repositories/R."
  }
}

variable "github_repository" {
  description = "OWNER/NAME of a GitHub repository whose main branch is deployed by .github/workflows/deploy.yml. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must look like OWNER/NAME."
  }
}

variable "github_repository_id" {
  description = "The number of github_repository, which a rename doesn't change: `gh api repos/OWNER/NAME --jq .id`."
  type        = number
  default     = null

  validation {
    condition     = var.github_repository == null || var.github_repository_id != null
    error_message = "github_repository_id is needed with github_repository: gh api repos/OWNER/NAME --jq .id"
  }
}

variable "state_bucket" {
  description = "The bucket of Terraform's state, which the account that deploys reads and writes. Needed with ci_repository or github_repository."
  type        = string
  default     = null

  validation {
    condition     = (var.ci_repository == null && var.github_repository == null) || var.state_bucket != null
    error_message = "state_bucket is needed with ci_repository or github_repository."
  }
}
