/** Why something was refused, in the words of the server. */
export function Refused({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : (
    <p class="notice bad breaks" role="alert">
      {text}
    </p>
  );
}
