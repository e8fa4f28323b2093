/** Trains on digits outside of the page's thread, and reports a few times a second. */
import { type Balance } from "./balance"
import { unpackDigits } from "./digits-data"
import { DigitsTraining, type Report } from "./digits-training"

export interface Command {
  isRunning: boolean
  balance: Balance
  /** The file of the digits, in the first message. */
  file?: ArrayBuffer
}
export type Message = { report: Report } | { error: string }

/** Milliseconds of training between two looks at the messages. */
const SLICE = 100
/** Milliseconds between two reports, which take a tenth of that. */
const BETWEEN = 400
const SEED = 1

let training: DigitsTraining | undefined
let isRunning = false
let balance: Balance = "fair"
let isScheduled = false
let reported = -Infinity

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Command>) => void
  postMessage: (message: Message) => void
}

/** Train for a slice, then let messages in. */
function work(): void {
  isScheduled = false
  if (!training || !isRunning) return
  const end = performance.now() + SLICE
  while (performance.now() < end) training.turn(balance)
  if (performance.now() - reported >= BETWEEN) report()
  schedule()
}

function schedule(): void {
  if (isScheduled) return
  isScheduled = true
  setTimeout(work)
}

function report(): void {
  if (!training) return
  reported = performance.now()
  scope.postMessage({ report: training.report() })
}

scope.onmessage = ({ data }) => {
  ;({ isRunning, balance } = data)
  if (data.file)
    unpackDigits(data.file).then(
      digits => {
        training = new DigitsTraining(digits, SEED)
        report()
        schedule()
      },
      (error: Error) => scope.postMessage({ error: error.message }),
    )
  else if (isRunning) schedule()
  else report()
}
