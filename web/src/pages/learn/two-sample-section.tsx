/** Part of step 5: the classifier two-sample test of the champions. */
import { Link } from "wouter-preact"
import { pathWith, type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { aboveChance, sorted, testResult, type TestResult } from "./two-sample-test"
import { evaluationPath, type Champion } from "./champions"
import { Calls } from "./section"

const messages = texts(
  {
    title: "Are they indistinguishable?",
    what: "In theory, training ends when the discriminator can only guess. But its own score is a poor measure: it was trained against this one generator, and a score near 0.5 can mean that the pictures are good or that the discriminator is weak.",
    test: "A better measure is a third network, independent of the other two. It is trained on thousands of real and generated pictures and then classifies others. This is a classifier two-sample test (C2ST): if the pictures are indistinguishable, its accuracy is 50%, the same as a coin toss. For comparison, the test is repeated with two kinds of real pictures, those for training and those for tests. These also differ slightly, so their accuracy is not exactly 50% either.",
    scale: "Accuracy of the classifier. The bars run from 50% (chance) to 100%.",
    generated: "generated vs. real",
    real: "real vs. real",
    fid: (fid: string, floor: string) =>
      `FID, the distance between the two sets of pictures: ${fid}; for real pictures ${floor}.`,
    notTested: (name: string) => `${name} has no result of this test.`,
    none: "No served model has a result of this test. Publish a model with its evaluation, and its bars appear here.",
    hardest: (name: string, accuracy: string, floor: string) =>
      `The pictures of ${name} are the hardest to distinguish from real ones: the accuracy is ${accuracy}, and ${floor} if both kinds are real.`,
    easiest: (name: string, accuracy: string) => `For ${name}, it is ${accuracy}.`,
    distinguishable:
      "None of these generators is indistinguishable from real pictures by this test. Whether they fool a person is another question, which you can answer yourself.",
    indistinguishable: (names: string) =>
      `By this test, the pictures of ${names} are indistinguishable from real ones: the difference is within the error of the test. Another test or more pictures may still find a difference.`,
    play: "Can you tell them apart? Play the quiz",
    train: "Train a pair of networks",
    models: "All models and their metrics",
  },
  {
    title: "Различимы ли они?",
    what: "В теории обучение заканчивается, когда дискриминатор отвечает наугад. Но его оценка — плохая мера: он обучен против одного этого генератора, и оценка около 0,5 может означать как то, что картинки хороши, так и то, что дискриминатор слаб.",
    test: "Лучшая мера — третья сеть, не зависящая от этих двух. Её обучают на тысячах настоящих и сгенерированных картинок, а затем она классифицирует новые. Это двухвыборочный тест с классификатором (C2ST): если картинки неразличимы, его точность — 50 %, как у подбрасывания монеты. Для сравнения тест повторяют с двумя видами настоящих картинок: обучающими и тестовыми. Они тоже немного различаются, поэтому и у них точность не ровно 50 %.",
    scale: "Точность классификатора. Полоски — от 50 % (наугад) до 100 %.",
    generated: "сгенерированные и настоящие",
    real: "настоящие и настоящие",
    fid: (fid, floor) => `FID, расстояние между двумя наборами картинок: ${fid}; для настоящих картинок — ${floor}.`,
    notTested: name => `Для ${name} результата этого теста нет.`,
    none: "Ни у одной из моделей нет результата этого теста. Опубликуйте модель с результатами оценки, и здесь появятся полоски.",
    hardest: (name, accuracy, floor) =>
      `Труднее всего отличить от настоящих картинки ${name}: точность — ${accuracy}, а когда обе выборки настоящие — ${floor}.`,
    easiest: (name, accuracy) => `Для ${name} она равна ${accuracy}.`,
    distinguishable:
      "По этому тесту картинки ни одного из генераторов не стали неотличимы от настоящих. Обманут ли они человека — другой вопрос, и ответить на него можете вы сами.",
    indistinguishable: names =>
      `По этому тесту картинки ${names} неотличимы от настоящих: разница в пределах погрешности. Другой тест или большее число картинок могут её обнаружить.`,
    play: "Отличите ли вы их? Сыграть",
    train: "Обучить пару сетей",
    models: "Все модели и их показатели",
  },
)

export function TwoSampleSection({ champions, query }: { champions: readonly Champion[]; query: Query }) {
  const t = useText(messages)
  const tested = champions.map(champion => ({
    champion,
    result: testResult(champion.model, champion.version, champion.evaluation?.figures?.c2st_accuracy),
  }))
  const results = sorted(tested.flatMap(each => each.result ?? []))
  const [first] = results
  return (
    <section aria-labelledby="test">
      <h3 id="test">{t.title}</h3>
      <p>{t.what}</p>
      <p>{t.test}</p>
      {first ? <p class="hint">{t.scale}</p> : <p>{t.none}</p>}
      <div class="two-sample">
        {tested.map(({ champion, result }) =>
          result ? (
            <Bars key={champion.model} result={result} champion={champion} />
          ) : (
            <p key={champion.model} class="hint">
              {t.notTested(nameOf(champion))}
            </p>
          ),
        )}
      </div>
      {first && <Conclusion results={results} />}
      <p class="row onward">
        <Link class="button primary" href={pathWith("/play", { model: query.model, version: query.version })}>
          {t.play}
        </Link>
        <Link class="button" href="/train">
          {t.train}
        </Link>
        <Link class="button" href="/models">
          {t.models}
        </Link>
      </p>
      {first && <Calls calls={[{ path: evaluationPath(first.model, first.version) }]} />}
    </section>
  )
}

function nameOf({ model, version }: Pick<TestResult, "model" | "version">): string {
  return `${model}/${version}`
}

function Bars({ result, champion }: { result: TestResult; champion: Champion }) {
  const t = useText(messages)
  const { number, percent } = useNumbers()
  const fid = champion.evaluation?.figures?.fid
  const rows = [
    ["generated", result.accuracy],
    ["real", result.floor],
  ] as const
  return (
    <section aria-label={nameOf(result)}>
      <h4>
        <Link href={pathWith(`/models/${result.model}/versions/${result.version}`)}>{nameOf(result)}</Link>
      </h4>
      <dl>
        {rows.map(([kind, value]) => (
          <div key={kind}>
            <dt>{t[kind]}</dt>
            <dd>
              <span class="track" aria-hidden="true">
                <span class={kind} style={{ width: `${100 * aboveChance(value)}%` }} />
              </span>
              <span class="number">{percent(value, 1)}</span>
            </dd>
          </div>
        ))}
      </dl>
      {fid?.value != null && fid.floor !== null && (
        <p class="hint">{t.fid(number(fid.value, 2), number(fid.floor, 2))}</p>
      )}
    </section>
  )
}

/** A conclusion from the results. */
function Conclusion({ results }: { results: readonly TestResult[] }) {
  const t = useText(messages)
  const { percent } = useNumbers()
  const hardest = results[0]!
  const easiest = results.at(-1)!
  const indistinguishable = results.filter(each => each.isIndistinguishable)
  return (
    <p>
      <strong>{t.hardest(nameOf(hardest), percent(hardest.accuracy), percent(hardest.floor))}</strong>{" "}
      {easiest !== hardest && `${t.easiest(nameOf(easiest), percent(easiest.accuracy))} `}
      {indistinguishable.length > 0
        ? t.indistinguishable(indistinguishable.map(nameOf).join(", "))
        : t.distinguishable}
    </p>
  )
}
