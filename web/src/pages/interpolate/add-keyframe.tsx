/** Adds a keyframe without dragging: by seed, with a random seed, or from a PNG file. */
import { useId, useRef, useState } from "preact/hooks"
import { useText } from "../../language"
import { messages } from "./messages"

interface AddKeyframeProps {
  onSeed: (seed: string) => void
  onFiles: (files: readonly File[]) => void
}

export function AddKeyframe({ onSeed, onFiles }: AddKeyframeProps) {
  const t = useText(messages)
  const id = useId()
  const [seed, setSeed] = useState("")
  const input = useRef<HTMLInputElement>(null)
  return (
    <form
      class="row"
      onSubmit={event => {
        event.preventDefault()
        if (!seed) return
        onSeed(seed)
        setSeed("")
      }}
    >
      <div class="field add-seed">
        <label for={id}>{t.seed}</label>
        <input
          id={id}
          type="text"
          value={seed}
          maxLength={128}
          autocomplete="off"
          spellcheck={false}
          onInput={event => setSeed(event.currentTarget.value)}
        />
      </div>
      <button type="submit">{t.add}</button>
      <button
        type="button"
        class="primary"
        onClick={() => onSeed(String(crypto.getRandomValues(new Uint32Array(1))[0]!))}
      >
        {t.random}
      </button>
      <button type="button" onClick={() => input.current?.click()}>
        {t.file}
      </button>
      <input
        ref={input}
        type="file"
        accept="image/png,.png,.apng"
        multiple
        hidden
        aria-label={t.file}
        onChange={event => {
          const files = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = ""
          if (files.length) onFiles(files)
        }}
      />
    </form>
  )
}
