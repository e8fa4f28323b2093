/** Section 6: a second use of GANs, super-resolution. */
import { Link } from "wouter-preact"
import { texts, useText } from "../../language"
import { Section } from "./section"

const messages = texts(
  {
    title: "6. A second use: sharpening pictures",
    given:
      "A GAN can also restore a shrunk or blurred picture (super-resolution). The generator is given the degraded picture besides the noise. The discriminator is given the same degraded picture and decides whether the sharp picture next to it is its real original or an answer of the generator.",
    many: "Shrinking to 7×7 keeps 49 of 784 numbers. Many originals have the same 49 numbers, so the lost details cannot be recovered. The generator draws plausible ones, and each noise vector gives other details. An answer is therefore one of many, not the truth.",
    mean: "A network trained by mean squared error solves another problem. Its best answer is the mean of all plausible originals. This mean is blurry, but it is nearer to all of them than any single one. Therefore such a network has a higher PSNR, and a GAN with sharp answers has a lower one.",
    tradeoff: "No method can be best at both: ",
    paper: "the perception-distortion trade-off (Blau and Michaeli, 2018)",
    try: "The page Sharpen shows sixteen answers with their mean, and the PSNR of both.",
    link: "Sharpen a picture",
  },
  {
    title: "6. Второе применение: повышение резкости",
    given:
      "GAN может и восстанавливать уменьшенную или размытую картинку (сверхразрешение). Генератор получает, кроме шума, искажённую картинку. Дискриминатор получает ту же искажённую картинку и решает, что рядом с ней — её настоящий оригинал или ответ генератора.",
    many: "При уменьшении до 7×7 из 784 чисел остаётся 49. Эти 49 чисел одинаковы у множества оригиналов, поэтому потерянные детали восстановить нельзя. Генератор рисует правдоподобные, и каждый вектор шума даёт другие детали. Поэтому ответ — один из многих, а не истина.",
    mean: "Сеть, обученная по среднеквадратичной ошибке, решает другую задачу. Её лучший ответ — среднее всех правдоподобных оригиналов. Оно размыто, но ближе ко всем оригиналам, чем любой из них. Поэтому у такой сети PSNR выше, а у GAN с резкими ответами — ниже.",
    tradeoff: "Ни один метод не может быть лучшим в обоих отношениях: это ",
    paper: "компромисс между восприятием и искажением (Blau, Michaeli, 2018)",
    try: "На странице «Резкость» видны шестнадцать ответов, их среднее и PSNR.",
    link: "Повысить резкость картинки",
  },
)

export function SharpeningSection() {
  const t = useText(messages)
  return (
    <Section id="second" title={t.title}>
      <p>{t.given}</p>
      <p>{t.many}</p>
      <p>{t.mean}</p>
      <p>
        {t.tradeoff}
        <a href="https://arxiv.org/abs/1711.06077">{t.paper}</a>.
      </p>
      <p>{t.try}</p>
      <p class="row onward">
        <Link class="button primary" href="/sharpen">
          {t.link}
        </Link>
      </p>
    </Section>
  )
}
