# Waits until make check of the same commit has passed, in a build of its own that has no
# rights. Cloud Build only: on GitHub the deploy begins once the check has passed.
for try in $(seq 180); do
  status=$(gcloud builds list --region="$LOCATION" --limit=1 \
    --filter="substitutions.COMMIT_SHA=$COMMIT_SHA AND substitutions.TRIGGER_NAME=reelay-check-main" \
    --format="value(status)")
  case "$status" in
    SUCCESS) exit 0 ;;
    "" | PENDING | QUEUED | WORKING) sleep 30 ;;
    *) echo "make check of $COMMIT_SHA: $status. Nothing is deployed."; exit 1 ;;
  esac
done
echo "make check of $COMMIT_SHA has not finished. Retry this build once it has."
exit 1
