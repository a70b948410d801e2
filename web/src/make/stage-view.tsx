// The stage: shows the chosen image, then the job, then the video.

import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Video } from "../api";
import { topic } from "../app-state";
import { t, textOf } from "../i18n";
import { go, pathOf, videoId } from "../router";
import { click } from "./click";
import { CropView } from "./crop-view";
import { change, draft, type PickedImage } from "./draft";
import { Failed } from "./failed-view";
import { Player } from "./player";
import { Strip } from "./strip";
import type { Studio } from "./studio";
import { errorsOf, FieldError } from "./errors-view";
import { useBlobUrl } from "./use-blob-url";
import { Sending, Watching } from "./watching";

export function StageView({ studio }: { studio: Studio }) {
  return (
    <section
      id="stage"
      class={studio.isDragged.value ? "stage dragged" : "stage"}
      aria-label={t("stage")}
      tabIndex={-1}
    >
      {/* What is read aloud as it changes: the scene below is replaced. */}
      <p class="out-of-sight" role="status">
        {topic.value && textOf(topic.value)}
      </p>
      <Scene studio={studio} />
    </section>
  );
}

function Scene({ studio }: { studio: Studio }) {
  if (click.value) return <Sending studio={studio} draft={click.value.draft} />;
  if (!videoId.value) return <Preparing studio={studio} />;
  const video = studio.video.value;
  if (video === undefined) return <div class="screen" aria-busy="true" />;
  if (video === null) return <VideoNotFound />;
  const failure = studio.failure.value;
  return (
    <>
      <VideoStage studio={studio} video={video} key={video.job_id} />
      {/* A file that was pasted or dropped; the draft's errors are not about this video. */}
      {failure && "place" in failure && failure.place === "image" && (
        <p class="bad" role="alert">
          {t(failure.key)}
        </p>
      )}
    </>
  );
}

function VideoStage({ studio, video }: { studio: Studio; video: Video }) {
  if (video.status === "processing") return <Watching studio={studio} video={video} />;
  if (video.status === "failed") return <Failed studio={studio} video={video} />;
  return <Player studio={studio} video={video} />;
}

function VideoNotFound() {
  return (
    <div class="screen over">
      <div class="words">
        <p>{t("gone")}</p>
        <button type="button" class="main" onClick={() => go(pathOf("make"))}>
          {t("makeVideo")}
        </button>
      </div>
    </div>
  );
}

function Preparing({ studio }: { studio: Studio }) {
  const { image } = draft.value;
  return (
    <>
      {image ? (
        <ChosenImage studio={studio} image={image} />
      ) : (
        <Invitation studio={studio} />
      )}
      <p class="reading out-of-sight" role="status">
        {studio.isReading.value ? t("readingImage") : ""}
      </p>
      <Strip studio={studio} video={null} />
    </>
  );
}

function ChosenImage({ studio, image }: { studio: Studio; image: PickedImage }) {
  const url = useBlobUrl(image.id);
  // Another image may be about to replace it.
  const isReading = studio.isReadingImage.value;
  const isLost = url === null && !isReading;
  return (
    <>
      <div
        class={isReading ? "screen working" : "screen"}
        style={{ aspectRatio: `${image.width} / ${image.height}` }}
      >
        {url && <CropView url={url} image={image} fit={studio.fit.value} />}
        {isReading && (
          <p class="words headline" aria-hidden="true">
            {t("readingImage")}
          </p>
        )}
        {isLost && (
          <p class="words" role="alert">
            {t("lost")}
          </p>
        )}
      </div>
      <div class="under">
        <FileButton studio={studio}>{t("otherImage")}</FileButton>
        <button type="button" class="plain" onClick={studio.clearImage}>
          {t("removeImage")}
        </button>
      </div>
      {!isLost && <FieldError studio={studio} place="image" />}
    </>
  );
}

function Invitation({ studio }: { studio: Studio }) {
  const { usesAddress, isTyping, isReadingImage } = studio;
  const invitation = isTouchScreen() ? "inviteTouch" : "invite";
  const isAddressGood = isAddress(draft.value.imageUrl) && !errorsOf(studio, "image").length;
  return (
    <div class="screen invitation">
      <div class="words">
        {usesAddress.value ? (
          <label for="address">{t(isAddressGood ? "addressOnStage" : "addressAsked")}</label>
        ) : (
          <>
            <h2 class="headline">{t(isReadingImage.value ? "readingImage" : invitation)}</h2>
            <p class="muted">{t("inviteMore")}</p>
          </>
        )}
        {usesAddress.value && (
          <>
            <AddressField isTyping={isTyping} />
            <p class="muted">{t("addressUnseen")}</p>
          </>
        )}
        <Choices studio={studio}>
          {usesAddress.value ? (
            <button type="button" onClick={studio.clearImage}>
              {t("removeAddress")}
            </button>
          ) : (
            <button type="button" onClick={() => studio.setAddress("")}>
              {t("useAddress")}
            </button>
          )}
        </Choices>
        {!isTyping.value && <FieldError studio={studio} place="image" />}
      </div>
    </div>
  );
}

function isAddress(text: string): boolean {
  return /^https:\/\/[^/]+\.[^/]/.test(text);
}

function AddressField({ isTyping }: { isTyping: Signal<boolean> }) {
  const field = useRef<HTMLInputElement>(null);
  // Before the next paint, so that no keystroke is lost.
  useLayoutEffect(() => {
    // Only if its button opened the field, not a stored draft.
    if (!draft.peek().imageUrl) field.current?.focus();
    return () => (isTyping.value = false);
  }, []);
  const settle = () => (isTyping.value = false);
  return (
    <input
      ref={field}
      id="address"
      type="url"
      class="address"
      placeholder="https://"
      aria-describedby="image-error"
      value={draft.value.imageUrl}
      onInput={({ currentTarget: { value } }) => {
        isTyping.value = !isAddress(value);
        change({ imageUrl: value });
      }}
      onBlur={settle}
      onKeyDown={({ key }) => key === "Enter" && settle()}
    />
  );
}

function Choices({ studio, children }: { studio: Studio; children?: ComponentChildren }) {
  return (
    <div class="choices">
      <FileButton studio={studio}>{t("chooseImage")}</FileButton>
      {isTouchScreen() && (
        <FileButton studio={studio} capture="environment">
          {t("takePhoto")}
        </FileButton>
      )}
      {children}
    </div>
  );
}

function isTouchScreen(): boolean {
  return matchMedia("(pointer: coarse)").matches;
}

interface FileButtonProps {
  studio: Studio;
  children: ComponentChildren;
  place?: "image" | "lastImage";
  capture?: "environment";
}

export function FileButton({ studio, children, place, capture }: FileButtonProps) {
  return (
    <label class="button">
      {children}
      <input
        type="file"
        class="out-of-sight"
        accept="image/*,.heic,.heif"
        capture={capture}
        onChange={(event) => {
          const input = event.currentTarget;
          const file = input.files?.[0];
          // Otherwise choosing the same file again would fire no event.
          if (file) void studio.pick(file, place).then(() => (input.value = ""));
        }}
      />
    </label>
  );
}
