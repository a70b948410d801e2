// The stage: image, job and film in one place.

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Video } from "../api";
import { t } from "../i18n";
import { videoId } from "../router";
import { click } from "./click";
import { CropView } from "./crop-view";
import { change, draft, type PickedImage } from "./draft";
import { Failed } from "./failed-view";
import { Player } from "./player";
import { Strip } from "./strip";
import type { Studio } from "./studio";
import { Trouble } from "./trouble-view";
import { useBlobUrl } from "./use-blob-url";
import { Sending, Watching } from "./watching";

export function StageView({ studio }: { studio: Studio }) {
  return (
    <section class={studio.isDragged.value ? "stage dragged" : "stage"} aria-label={t("stage")}>
      <Scene studio={studio} />
    </section>
  );
}

function Scene({ studio }: { studio: Studio }) {
  if (click.value) return <Sending studio={studio} draft={click.value.draft} />;
  if (!videoId.value) return <Preparing studio={studio} />;
  const video = studio.video.value;
  if (video === undefined) return <div class="screen" aria-busy="true" />;
  if (video === null) return <Gone />;
  return (
    <>
      <Shown studio={studio} video={video} key={video.job_id} />
      <Trouble studio={studio} place="image" />
    </>
  );
}

function Shown({ studio, video }: { studio: Studio; video: Video }) {
  if (video.status === "processing") return <Watching studio={studio} video={video} />;
  if (video.status === "failed") return <Failed studio={studio} video={video} />;
  return <Player studio={studio} video={video} />;
}

function Gone() {
  return (
    <div class="screen">
      <p class="words">{t("gone")}</p>
    </div>
  );
}

function Preparing({ studio }: { studio: Studio }) {
  const { image } = draft.value;
  return (
    <>
      {image ? (
        <Chosen studio={studio} image={image} />
      ) : (
        <Invitation studio={studio} />
      )}
      <p class="reading" role="status">
        {studio.isReading.value ? t("readingImage") : ""}
      </p>
      <Strip studio={studio} video={null} />
    </>
  );
}

function Chosen({ studio, image }: { studio: Studio; image: PickedImage }) {
  const url = useBlobUrl(image.id);
  return (
    <>
      <div class="screen" style={{ aspectRatio: `${image.width} / ${image.height}` }}>
        {url && <CropView url={url} image={image} />}
        {url === null && (
          <p class="words" role="alert">
            {t("lost")}
          </p>
        )}
      </div>
      <div class="under">
        <FileButton studio={studio}>{t("otherImage")}</FileButton>
        <button type="button" class="plain" onClick={() => change({ image: null })}>
          {t("removeImage")}
        </button>
      </div>
      {url !== null && <Trouble studio={studio} place="image" />}
    </>
  );
}

function Invitation({ studio }: { studio: Studio }) {
  const { isAddress } = studio;
  // Half an address is not complained about.
  const isTyping = useSignal(false);
  return (
    <div class="screen invitation">
      <div class="words">
        {isAddress.value ? (
          <label for="address">{t("addressOnStage")}</label>
        ) : (
          <>
            <h2 class="headline">{t("invite")}</h2>
            <p class="muted">{t("inviteMore")}</p>
          </>
        )}
        {isAddress.value && (
          <>
            <AddressField isTyping={isTyping} />
            <p class="muted">{t("addressUnseen")}</p>
          </>
        )}
        <Choices studio={studio}>
          {isAddress.value ? (
            <button type="button" onClick={studio.forgetImage}>
              {t("removeAddress")}
            </button>
          ) : (
            <button type="button" onClick={() => (isAddress.value = true)}>
              {t("useAddress")}
            </button>
          )}
        </Choices>
        {!isTyping.value && <Trouble studio={studio} place="image" />}
      </div>
    </div>
  );
}

function AddressField({ isTyping }: { isTyping: Signal<boolean> }) {
  const field = useRef<HTMLInputElement>(null);
  // At once, so that no key is lost.
  useLayoutEffect(() => {
    // Opened by its button, not by what was kept.
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
      aria-describedby="image-trouble"
      value={draft.value.imageUrl}
      onInput={({ currentTarget: { value } }) => {
        isTyping.value = !/^https:\/\/[^/]+\.[^/]/.test(value);
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
      {matchMedia("(pointer: coarse)").matches && (
        <FileButton studio={studio} capture="environment">
          {t("takePhoto")}
        </FileButton>
      )}
      {children}
    </div>
  );
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
          // The same file may be chosen again.
          if (file) void studio.pick(file, place).then(() => (input.value = ""));
        }}
      />
    </label>
  );
}
