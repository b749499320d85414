import { useEffect, useRef, useState } from "react";

import { Send } from "@/components/icons";

const most = 4000;
const warnAt = 3800;

export function Composer({ onSend, onTyping, onEmpty }) {
  const [text, setText] = useState("");
  const area = useRef(null);
  const length = [...text.trim()].length;
  const sendable = length > 0 && length <= most;

  const submit = (event) => {
    event.preventDefault();
    if (!sendable) return;
    onSend(text.trim());
    setText("");
    area.current.focus();
  };
  // As tall as what is written, up to a bound in the style sheet.
  useEffect(() => {
    area.current.style.height = "auto";
    area.current.style.height = `${area.current.scrollHeight + 2}px`;
  }, [text]);

  return (
    <form className="composer" onSubmit={submit}>
      <textarea
        ref={area}
        rows={1}
        value={text}
        aria-label="Message"
        aria-describedby={length > warnAt ? "too-long" : undefined}
        placeholder="Write a message"
        enterKeyHint="send"
        onChange={({ target }) => {
          setText(target.value);
          if (target.value.trim()) onTyping();
          else onEmpty();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
        }}
      />
      <button type="submit" aria-label="Send" disabled={!sendable}>
        <Send />
      </button>
      {length > warnAt && (
        <p id="too-long" className={length > most ? "wrong" : "quiet"} role="status">
          {length > most ? `${length - most} characters too many` : `${most - length} characters left`}
        </p>
      )}
    </form>
  );
}
