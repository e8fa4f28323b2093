/** Fifth section: "until they cannot be told apart", measured. */
import { Link } from "wouter-preact"
import { pathWith, type Query } from "../../address"
import { texts, useNumbers, useText } from "../../language"
import { partOf, sorted, toldApart, type Told } from "./apart"
import { evaluationPath, type Champion } from "./champions"
import { Calls, Section } from "./section"

const words = texts(
  {
    title: "5. Until they cannot be told apart",
    what: "In theory, training ends when the discriminator can only guess. But its own score is a poor measure: it was trained against this one generator, and a score near 0.5 can mean that the pictures are good or that the discriminator is weak.",
    test: "So a third network is asked, which has met neither of the two. It is trained on thousands of real and generated pictures and then has to sort others. This is a classifier two-sample test (C2ST): if the pictures really cannot be told apart, it gets half of them right, as a coin does. For comparison the same is done with real against other real pictures.",
    scale: "Share that it sorts right; the bars run from 50% (a coin) to 100%.",
    drawn: "generated from real",
    real: "real from real",
    fid: (fid: string, floor: string) =>
      `FID, the distance between whole sets of pictures: ${fid}, where real pictures get ${floor}.`,
    notMade: (name: string) => `${name} came without this test.`,
    none: "No model served here came with this test: publish one with its evaluation, and its bars will appear here.",
    nearest: (name: string, share: string, floor: string) =>
      `Hardest to tell from real ones are the pictures of ${name}: the fresh network is right in ${share} of cases, and in ${floor} where both kinds are real.`,
    easiest: (name: string, share: string) => `With those of ${name} it is right in ${share}.`,
    open: "“Until they cannot be told apart” is a direction, then, and none of the runs here has arrived. Whether a person is fooled is another question, which you can settle.",
    level: (names: string) =>
      `By this test the pictures of ${names} cannot be told from real ones: what remains is within its error. Another test, or more pictures, may still find a difference.`,
    play: "Try it yourself: can you tell?",
    train: "Train a pair of networks",
    models: "All models and their figures",
  },
  {
    title: "5. Пока не станут неразличимы",
    what: "Так кончается рецепт: учить, пока дискриминатору не останется только гадать. Но его собственное мнение — плохая мера: он всё время гнался за одним этим генератором, и ответ около 0,5 может означать, что хороши картинки, а может — что слаб он сам.",
    test: "Поэтому спрашивают третью сеть, не знакомую ни с той, ни с другой. Её учат на тысячах настоящих и нарисованных картинок, а потом дают рассортировать новые. Это двухвыборочный тест с классификатором (C2ST): если картинки и правда неразличимы, она угадает половину, как монета. Для сравнения то же делают с настоящими против других настоящих.",
    scale: "Доля верно рассортированных; полоски — от 50 % (монета) до 100 %.",
    drawn: "нарисованные от настоящих",
    real: "настоящие от настоящих",
    fid: (fid, floor) => `FID, расстояние между целыми наборами картинок: ${fid}; у настоящих картинок ${floor}.`,
    notMade: name => `У ${name} такой проверки нет.`,
    none: "Ни у одной из моделей здесь такой проверки нет: опубликуйте модель вместе с её оценкой, и здесь появятся полоски.",
    nearest: (name, share, floor) =>
      `Труднее всего отличить от настоящих картинки ${name}: новая сеть права в ${share} случаев, а там, где обе выборки настоящие, — в ${floor}.`,
    easiest: (name, share) => `С картинками ${name} она права в ${share}.`,
    open: "Так что «пока не станут неразличимы» — это направление, и ни одно из здешних обучений до конца не дошло. Обманут ли они человека — другой вопрос, и ответить на него можете вы сами.",
    level: names =>
      `По этой проверке картинки ${names} от настоящих не отличить: остаток — в пределах её погрешности. Другая проверка или большее число картинок ещё могут найти разницу.`,
    play: "Проверьте себя: отличите ли вы?",
    train: "Обучить пару сетей",
    models: "Все модели и их показатели",
  },
)

export function ToldApart({ champions, query }: { champions: readonly Champion[]; query: Query }) {
  const t = useText(words)
  const judged = champions.map(champion => ({
    champion,
    told: toldApart(champion.model, champion.version, champion.evaluation?.figures?.c2st_accuracy),
  }))
  const told = sorted(judged.flatMap(each => each.told ?? []))
  const [one] = told
  return (
    <Section id="apart" title={t.title}>
      <p>{t.what}</p>
      <p>{t.test}</p>
      {one ? <p class="hint">{t.scale}</p> : <p>{t.none}</p>}
      <div class="apart">
        {judged.map(({ champion, told }) =>
          told ? (
            <Bars key={champion.model} told={told} champion={champion} />
          ) : (
            <p key={champion.model} class="hint">
              {t.notMade(nameOf(champion))}
            </p>
          ),
        )}
      </div>
      {one && <Closing told={told} />}
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
      {one && <Calls calls={[{ path: evaluationPath(one.model, one.version) }]} />}
    </Section>
  )
}

function nameOf({ model, version }: Pick<Told, "model" | "version">): string {
  return `${model}/${version}`
}

function Bars({ told, champion }: { told: Told; champion: Champion }) {
  const t = useText(words)
  const { number, percent } = useNumbers()
  const fid = champion.evaluation?.figures?.fid
  const rows = [
    ["drawn", told.value],
    ["real", told.floor],
  ] as const
  return (
    <section aria-label={nameOf(told)}>
      <h3>
        <Link href={pathWith(`/models/${told.model}/versions/${told.version}`)}>{nameOf(told)}</Link>
      </h3>
      <dl>
        {rows.map(([kind, value]) => (
          <div key={kind}>
            <dt>{t[kind]}</dt>
            <dd>
              <span class="track" aria-hidden="true">
                <span class={kind} style={{ width: `${100 * partOf(value)}%` }} />
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

/** Conclusion drawn from the figures alone. */
function Closing({ told }: { told: readonly Told[] }) {
  const t = useText(words)
  const { percent } = useNumbers()
  const nearest = told[0]!
  const easiest = told.at(-1)!
  const level = told.filter(each => each.isLevel)
  return (
    <p>
      <strong>{t.nearest(nameOf(nearest), percent(nearest.value), percent(nearest.floor))}</strong>{" "}
      {easiest !== nearest && `${t.easiest(nameOf(easiest), percent(easiest.value))} `}
      {level.length > 0 ? t.level(level.map(nameOf).join(", ")) : t.open}
    </p>
  )
}
