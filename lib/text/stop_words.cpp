#include "stop_words.hpp"

namespace vecstore::text::detail {
namespace {

constexpr std::string_view danish =
    "af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter eller "
    "en "
    "end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvis hvor i ikke ind jeg jer jo kunne "
    "man mange med meget men mig min mine mit mod ned noget nogle nu når og også om op os over på selv sig sin sine "
    "sit skal skulle som sådan thi til ud under var vi vil ville vor være været";
constexpr std::string_view dutch =
    "aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een eens en er ge geen "
    "geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan kon kunnen maar me meer "
    "men met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over reeds te tegen toch toen tot u "
    "uit "
    "uw van veel voor want waren was wat werd wezen wie wil worden wordt zal ze zelf zich zij zijn zo zonder zou";
// With what an apostrophe cuts off, and with the words whole.
constexpr std::string_view english =
    "a about above after again against all am an and any are aren't as at be because been before being below between "
    "both but by can can't cannot could couldn't d did didn't do does doesn't doing don don't down during each few for "
    "from further had hadn't has hasn't have haven't having he he'd he'll he's her here hers herself him himself his "
    "how "
    "i i'd i'll i'm i've if in into is isn't it it'd it'll it's its itself just ll m me more most my myself no nor not "
    "now o of off on once only or other our ours ourselves out over own re s same she she'd she'll she's should "
    "shouldn't so some such t than that that's the their theirs them themselves then there there's these they they'd "
    "they'll they're they've this those through to too under until up ve very was wasn't we we'd we'll we're we've "
    "were "
    "weren't what when where which while who whom why will with won won't would wouldn't y you you'd you'll you're "
    "you've your yours yourself yourselves";
constexpr std::string_view finnish =
    "ei eivät emme en et ette että he heidän heidät heille heillä heiltä heissä heistä heitä hän häneen hänelle "
    "hänellä "
    "häneltä hänen hänessä hänestä hänet häntä itse ja johon joiden joihin joille joilla joissa joista joita joka "
    "jolla "
    "jolle jolta jonka jos jossa josta jota jotka kanssa keitä kenen ketkä ketä koska kuin kuka kun me meidän meidät "
    "meille meitä mihin mikä millä minkä minua minulla minulle minun minut minä missä mistä mitkä mitä mukaan mutta ne "
    "niiden niihin niille niin niissä niistä niitä noin nuo nyt näiden nämä näitä ole olemme olen olet olette oli "
    "olimme "
    "olin olisi olisin olit olivat olla olleet ollut on ovat poikki se sekä sen siihen siinä siitä sille sillä sinua "
    "sinulla sinulle sinun sinut sinä sitä tai te teidän teille teitä tuo tuon tämä tämän tässä tästä tätä vaan vai "
    "vaikka";
constexpr std::string_view french =
    "a ai aie aient ait as au aura aurait aux avaient avait avant avec avez avoir avons ayant c ce ceci cela celle "
    "celles "
    "celui ces cet cette ceux chez comme d dans de des donc du elle elles en es est et eu eux fait furent fut il ils j "
    "je "
    "l la le les leur leurs lui m ma mais me mes moi mon même n ne ni nos notre nous on ont ou où par pas pendant plus "
    "pour qu quand que quel quelle quelles quels qui quoi s sa sans se sera serait ses si soi soient soit sommes son "
    "sont "
    "sous suis sur t ta te tes toi ton tous tout toute toutes tu un une vers vos votre vous y à étaient était étant "
    "été "
    "étés être";
constexpr std::string_view german =
    "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch auf aus bei "
    "bin "
    "bis bist da damit dann das dass dasselbe dein deine deinem deinen deiner dem den denn der derer des dessen dich "
    "die "
    "dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines einige einigem "
    "einigen einiger einiges er es etwas euch euer eure eurem euren eurer für gegen gewesen hab habe haben hat hatte "
    "hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder "
    "jedes "
    "jene jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner können könnte machen man manche manchem "
    "manchen mancher mein meine meinem meinen meiner mich mir mit muss musste nach nicht nichts noch nun nur ob oder "
    "ohne "
    "sehr sein seine seinem seinen seiner selbst sich sie sind so solche solchem solchen solcher soll sollte sondern "
    "sonst um und uns unser unsere unserem unseren unter viel vom von vor war waren warst was weg weil weiter welche "
    "welchem welchen welcher wenn werde werden wie wieder will wir wird wirst wo wollen wollte wurde wurden während "
    "würde "
    "würden zu zum zur zwar zwischen über";
constexpr std::string_view italian =
    "a abbia abbiamo ad agli ai al alla alle allo anche avere aveva avevano c che chi ci coi col come con contro cui d "
    "da "
    "dagli dai dal dalla dalle dallo degli dei del dell della delle dello di dove e ebbe ed era erano essendo faccio "
    "fanno "
    "fare fosse fra fu furono gli ha hai hanno ho i il in io l la le lei li lo loro lui ma me mi mia mie miei mio ne "
    "negli "
    "nei nel nell nella nelle nello no noi non nostra nostre nostri nostro o per perché però più quale quali quando "
    "quanta "
    "quante quanti quanto quella quelle quelli quello questa queste questi questo sarà se sei si sia siamo siano siete "
    "sono sta stanno stata state stati stato su sua sue sugli sui sul sulla sulle sullo suo suoi te ti tra tu tua tue "
    "tuo "
    "tuoi tutti tutto un una uno vi voi vostra vostre vostri vostro è";
constexpr std::string_view norwegian =
    "alle at av bare begge ble blei bli blir blitt både da de deg dei deira dem den denne der dere deres det dette di "
    "din disse ditt du dykk eg ein eit eitt eller elles en enn er et ett etter for fordi fra før ha hadde han hans har "
    "henne hennes her hjå ho hos hun hva hver hvilke hvis hvor hvordan hvorfor i ikke ikkje ingen inn ja jeg kan "
    "korleis "
    "kun kunne kva kvar kven man mange me med medan meg meget mellom men mi min mitt mot mykje nå når og også om opp "
    "oss "
    "over på samme seg selv si sia sidan siden sin sine sitt sjøl skal skulle slik so som somme sånn så til um under "
    "ut "
    "uten var ved vi vil ville vore vort være vært vår å";
constexpr std::string_view portuguese =
    "a ao aos aquela aquelas aquele aqueles aquilo as até com como da das de dela delas dele deles depois do dos e ela "
    "elas ele eles em entre era eram essa essas esse esses esta estamos estas estava estavam este esteja estejam estes "
    "esteve estive estiver estou está estão eu foi fomos for foram fosse fossem fui há haver haja hão isso isto já lhe "
    "lhes mais mas me mesmo meu meus minha minhas muito na nas nem no nos nossa nossas nosso nossos num numa não nós o "
    "os "
    "ou para pela pelas pelo pelos por qual quando que quem se seja sejam sem ser seria seu seus será serão sobre "
    "somos "
    "sou sua suas são só também te tem temos tenha tenham tenho ter teu teus teve tinha tinham tive tu tua tuas tém "
    "têm "
    "um uma você vocês vos à às é éramos";
constexpr std::string_view russian =
    "а без более больше будет будто бы был была были было быть в вам вас вдруг ведь во вот впрочем все всегда всего "
    "всех "
    "всю вы где да даже два для до другой его ее ей ему если есть еще ж же за зачем здесь и из или им иногда их к как "
    "какая какой когда конечно кто куда ли лучше между меня мне много может можно мой моя мы на над надо наконец нас "
    "не "
    "него нее ней нельзя нет ни нибудь никогда ним них ничего но ну о об один он она они опять от перед по под после "
    "потом потому почти при про раз разве с сам свою себе себя сейчас со совсем так такой там тебя тем теперь то тогда "
    "того тоже только том тот три тут ты у уж уже хорошо хоть чего чем через что чтоб чтобы чуть эти этого этой этом "
    "этот "
    "эту я";
constexpr std::string_view spanish =
    "a al algo algunas algunos ante antes aquel aquella aquellas aquellos aquello como con contra cual cuando de del "
    "desde donde durante e el ella ellas ellos en entre era eran eras eres es esa esas ese eso esos esta estaba "
    "estaban "
    "estado estamos estar estas este esto estos estoy está están fue fueron fui fuimos ha haber había habían han has "
    "hasta "
    "hay he hemos la las le les lo los me mi mis mucho muchos muy más mí mía míos mío nada ni no nos nosotras nosotros "
    "nuestra nuestras nuestro nuestros o os otra otras otro otros para pero poco por porque que quien quienes qué se "
    "sea "
    "sean ser será si sido siendo sin sobre sois somos son soy su sus suya suyas suyo suyos sí también tanto te "
    "tenemos "
    "tener tengo ti tiene tienen todo todos tu tus tuya tuyo tú un una uno unos vosotras vosotros vuestra vuestras "
    "vuestro "
    "vuestros y ya yo él";
constexpr std::string_view swedish =
    "alla allt att av blev bli blir blivit de dem den denna deras dess dessa det detta dig din dina ditt du där då "
    "efter "
    "ej eller en er era ert ett från för ha hade han hans har henne hennes hon honom hur här i icke ingen inom inte "
    "jag ju "
    "kan kunde man med mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på samma sedan "
    "sig "
    "sin sina sitta själv skulle som så sådan sådana sådant till under upp ut utan vad var vara varför varit varje "
    "vars "
    "vart vem vi vid vilka vilkas vilken vilket vår våra vårt än är åt över";

constexpr stop_word_list lists[] = {{"danish", danish},   {"dutch", dutch},         {"english", english},
                                    {"finnish", finnish}, {"french", french},       {"german", german},
                                    {"italian", italian}, {"norwegian", norwegian}, {"portuguese", portuguese},
                                    {"russian", russian}, {"spanish", spanish},     {"swedish", swedish}};

}  // namespace

std::span<const stop_word_list> stop_word_lists() noexcept { return lists; }

}  // namespace vecstore::text::detail
