// Drawn here, so that nothing is loaded from elsewhere.
const icon = (path) =>
  function Icon(props) {
    return (
      <svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" {...props}>
        {path}
      </svg>
    );
  };

export const Bell = icon(<path d="M6 9a6 6 0 1 1 12 0c0 6 2.5 7 2.5 7h-17S6 15 6 9m4 10.5a2.2 2.2 0 0 0 4 0" />);
export const Send = icon(<path d="M4 12 20.5 4.5 13 21l-2.5-6.5zm6.5 2.5 4-4" />);
export const Down = icon(<path d="M12 5v14m-6-6 6 6 6-6" />);
export const People = icon(<path d="M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7m-6.5 9c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.6c2.1.9 3.5 2.9 3.5 5.4" />);
export const Leave = icon(<path d="M10 4H5v16h5m4-4 4-4-4-4m4 4H9.5" />);

export function Mark(props) {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" className="mark" {...props}>
      <rect width="32" height="32" rx="9" />
      <path d="M9 10.5h14v9h-7l-4 4v-4H9z" />
    </svg>
  );
}
