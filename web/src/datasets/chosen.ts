/** The files that the user chose or dropped: a folder with its subfolders, several files, or one file. */

export interface ChosenFile {
  /** Path below the chosen folder, with `/` between folders. */
  path: string
  file: File
}

export interface Chosen {
  /** Name of the folder or file. */
  name: string
  files: readonly ChosenFile[]
  /** Whether the only file is uploaded as it is: an archive, an array or a table. Otherwise the files are packed. */
  isWhole: boolean
}

const PICTURES = /\.(png|jpe?g|gif|webp|bmp|tiff?)$/i
/** Name of files that were chosen without a folder around them. */
const UNNAMED = "pictures"

function chosenOf(files: readonly ChosenFile[], folder: string | undefined): Chosen | undefined {
  const [first] = files
  if (!first) return undefined
  const isWhole = folder === undefined && files.length === 1 && !PICTURES.test(first.path)
  return { name: folder ?? (isWhole ? first.path : UNNAMED), files, isWhole }
}

/** The files of an `<input>`, with `webkitdirectory` those of a folder. */
export function fromInput(list: Iterable<File>): Chosen | undefined {
  const files = [...list].map(file => ({ path: file.webkitRelativePath || file.name, file }))
  const folders = new Set(
    files.map(({ path }) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : undefined)),
  )
  const [folder] = folders
  if (folder === undefined || folders.size > 1) return chosenOf(files, undefined)
  return chosenOf(
    files.map(({ path, file }) => ({ path: path.slice(folder.length + 1), file })),
    folder,
  )
}

/** Dropped files and folders. Must be called during the drop event, because the browser clears its data afterwards. */
export async function fromDrop(items: Iterable<DataTransferItem>): Promise<Chosen | undefined> {
  const dropped = [...items].filter(item => item.kind === "file")
  const entries = dropped.map(item => item.webkitGetAsEntry?.() ?? item.getAsFile())
  const [only] = entries
  const folder = entries.length === 1 && only && !(only instanceof File) && only.isDirectory ? only : undefined
  const files: ChosenFile[] = []
  for (const entry of entries) {
    if (entry instanceof File) files.push({ path: entry.name, file: entry })
    else if (entry) await collect(entry, entry === folder ? "" : entry.name, files)
  }
  return chosenOf(files, folder?.name)
}

/** Append the files of an entry, recursively. */
async function collect(entry: FileSystemEntry, path: string, files: ChosenFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    files.push({ path, file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  for (;;) {
    // Returns the entries in batches, and an empty one at the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (!batch.length) return
    for (const inner of batch) await collect(inner, path ? `${path}/${inner.name}` : inner.name, files)
  }
}

/** A valid name for a dataset, made from the name of a folder or file. */
export function suggestedName(name: string): string {
  const plain = name.replace(/(\.(zip|npz|npy|csv|txt|parquet|pq|gz))+$/i, "").normalize("NFKD")
  const letters = plain
    .toLowerCase()
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^a-z0-9_-]+/g, "-")
  return (
    letters
      .replace(/^[-_]+/, "")
      .slice(0, 64)
      .replace(/-+$/, "") || "mine"
  )
}
