// Initials on a colour that belongs to the person; the dot says how they are, in a colour and in words.
const colours = ["#3d6fd1", "#9a4fb8", "#b8483f", "#26795c", "#8a5a12", "#4c5fb5", "#a23e78", "#2b7389"];

export function Avatar({ id, name, status, size = 36 }) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((part) => part[0]?.toUpperCase())
    .join("");
  return (
    <span className="avatar" style={{ "--size": `${size}px`, background: colours[id % colours.length] }} aria-hidden="true">
      {initials}
      {status && <i className={`dot ${status}`} />}
    </span>
  );
}
