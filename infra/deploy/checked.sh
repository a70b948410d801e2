# Waits until make check of the same commit has passed, in a separate build without rights.
# Only for Cloud Build: on GitHub the deploy starts after the check has passed. A commit that
# a later one has overtaken meanwhile is not deployed: old code would replace newer code.
begun=$(date +%s)
while [ $(($(date +%s) - begun)) -lt 5400 ]; do
  status=$(gcloud builds list --project="$PROJECT" --region="$LOCATION" --limit=1 \
    --filter="substitutions.COMMIT_SHA=$COMMIT_SHA AND substitutions.TRIGGER_NAME=reelay-check-main" \
    --format="value(status)")
  case "$status" in
    SUCCESS)
      newest=$(gcloud builds list --project="$PROJECT" --region="$LOCATION" --limit=1 \
        --filter="substitutions.TRIGGER_NAME=reelay-deploy" \
        --format="value(substitutions.COMMIT_SHA)")
      [ "$newest" != "$COMMIT_SHA" ] || exit 0
      echo "The deploy of $newest has begun since. Nothing of $COMMIT_SHA is deployed."
      exit 1
      ;;
    "" | PENDING | QUEUED | WORKING) sleep 30 ;;
    *) echo "make check of $COMMIT_SHA: $status. Nothing is deployed."; exit 1 ;;
  esac
done
echo "make check of $COMMIT_SHA has not finished. Retry this build once it has."
exit 1
