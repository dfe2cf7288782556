//! The words of challenges and refusals that are nobody's in particular, in several languages and in lower case. No
//! word here judges alone: see `judge`.

/// A page asks its visitor to prove to be a person.
pub(crate) const HUMAN: &[&str] = &[
    "verify you are human",
    "verify you are a human",
    "verify that you are human",
    "verify that you are a human",
    "verify that you're not a robot",
    "verify you are not a robot",
    "verify you're not a robot",
    "confirm you are human",
    "confirm you are a human",
    "confirm that you are human",
    "confirm you're not a robot",
    "confirm that you are not a robot",
    "prove you are human",
    "prove you're human",
    "prove that you are human",
    "make sure you're not a robot",
    "make sure you are not a robot",
    "making sure you're not a bot",
    "i am not a robot",
    "i'm not a robot",
    "are you a robot",
    "are you human",
    "press & hold",
    "press and hold",
    "complete the captcha",
    "complete the security check",
    "solve the captcha",
    "solve this captcha",
    "enter the characters you see",
    "type the characters you see",
    "enable javascript and cookies to continue",
    "needs to review the security of your connection",
    // German
    "bestätigen sie, dass sie ein mensch",
    "bestätigen sie, dass sie kein roboter",
    "bestätige, dass du ein mensch",
    "dass sie kein roboter sind",
    "ich bin kein roboter",
    "aktivieren sie javascript und cookies",
    // French
    "vérifiez que vous êtes humain",
    "vérifier que vous êtes humain",
    "confirmez que vous êtes humain",
    "confirmez que vous n'êtes pas un robot",
    "vérifier que vous n'êtes pas un robot",
    "je ne suis pas un robot",
    "activer javascript et les cookies",
    // Spanish
    "verifica que eres humano",
    "verifique que es humano",
    "verifique que usted es humano",
    "confirma que eres humano",
    "demuestra que no eres un robot",
    "confirme que no es un robot",
    "no soy un robot",
    "habilite javascript y cookies",
    // Italian
    "verifica di essere umano",
    "conferma di essere umano",
    "conferma di non essere un robot",
    "non sono un robot",
    // Portuguese
    "verifique se você é humano",
    "confirme que você é humano",
    "confirme que não é um robô",
    "não sou um robô",
    // Dutch
    "bevestig dat u een mens bent",
    "controleer of u een mens bent",
    "ik ben geen robot",
    // Polish
    "potwierdź, że jesteś człowiekiem",
    "nie jestem robotem",
    // Turkish
    "insan olduğunuzu doğrulayın",
    "ben robot değilim",
    // Russian
    "подтвердите, что вы не робот",
    "подтвердите, что вы человек",
    "я не робот",
    // Japanese, Korean, Chinese
    "人間であることを確認",
    "私はロボットではありません",
    "ロボットではないことを",
    "사람인지 확인",
    "로봇이 아닙니다",
    "请完成安全验证",
    "请完成验证",
    "验证您是真人",
    "確認您是真人",
    "進行人機驗證",
];

/// A page says that it looks at the browser and will go on by itself.
pub(crate) const WAIT: &[&str] = &[
    "checking your browser before accessing",
    "checking if the site connection is secure",
    "verifying you are human. this may take a few seconds",
    "please wait while we verify your browser",
    "please wait while your request is being verified",
    "please wait while we check your browser",
    "your browser will redirect to your requested content shortly",
    "one moment, please. please wait while",
    "ihr browser wird überprüft",
    "vérification de votre navigateur",
    "comprobando tu navegador",
    "verificando o seu navegador",
    "controllo del browser in corso",
    "проверка вашего браузера",
    "проверяем ваш браузер",
    "ブラウザを確認しています",
    "正在检查您的浏览器",
];

/// A page refuses its visitor for good.
pub(crate) const REFUSED: &[&str] = &[
    "you have been blocked",
    "you've been blocked",
    "your request has been blocked",
    "your request was blocked",
    "this request was blocked",
    "your access has been blocked",
    "access to this site has been blocked",
    "your ip has been blocked",
    "your ip address has been blocked",
    "your ip has been banned",
    "your ip address has been banned",
    "your ip is blocked",
    "unusual traffic from your",
    "unusual activity from your",
    "suspicious activity from your",
    "automated access to this",
    "automated requests from",
    "we have detected automated",
    "detected unusual activity",
    "detected unusual traffic",
    "looks like you are a bot",
    "looks like you're a bot",
    "blocked by the security",
    "blocked for security reasons",
    "triggered the security solution",
    "not available in your region due to",
    // German
    "sie wurden blockiert",
    "ihre anfrage wurde blockiert",
    "ihre ip-adresse wurde gesperrt",
    "ungewöhnlichen datenverkehr",
    "ungewöhnliche aktivität",
    // French
    "vous avez été bloqué",
    "votre requête a été bloquée",
    "votre adresse ip a été bloquée",
    "trafic inhabituel",
    // Spanish
    "has sido bloqueado",
    "su solicitud ha sido bloqueada",
    "su dirección ip ha sido bloqueada",
    "tráfico inusual",
    // Italian, Portuguese, Dutch, Polish
    "sei stato bloccato",
    "il tuo indirizzo ip è stato bloccato",
    "você foi bloqueado",
    "seu endereço ip foi bloqueado",
    "u bent geblokkeerd",
    "uw ip-adres is geblokkeerd",
    "twój adres ip został zablokowany",
    // Russian
    "вы были заблокированы",
    "ваш ip-адрес заблокирован",
    "доступ с вашего ip",
    // Japanese, Korean, Chinese
    "アクセスがブロックされました",
    "접근이 차단되었습니다",
    "您的访问被拦截",
    "您的请求被拦截",
    "您的ip已被封",
];

/// Titles of challenges and refusals: the whole title, or its first part before a dash or bar.
pub(crate) const TITLES: &[&str] = &[
    "just a moment",
    "one moment, please",
    "one moment please",
    "please wait",
    "attention required",
    "access denied",
    "access blocked",
    "access to this page has been denied",
    "you have been blocked",
    "request blocked",
    "robot check",
    "robot or human",
    "are you a robot",
    "are you human",
    "bot check",
    "bot verification",
    "human verification",
    "human check",
    "verify you are human",
    "verify you are a human",
    "security check",
    "security challenge",
    "security verification",
    "security checkpoint",
    "checking your browser",
    "ddos protection",
    "verification required",
    "unusual traffic",
    "client challenge",
    "einen moment",
    "zugriff verweigert",
    "sicherheitsüberprüfung",
    "un instant",
    "accès refusé",
    "vérification de sécurité",
    "un momento",
    "acceso denegado",
    "verificación de seguridad",
    "accesso negato",
    "verifica di sicurezza",
    "um momento",
    "acesso negado",
    "verificação de segurança",
    "een moment geduld",
    "toegang geweigerd",
    "odmowa dostępu",
    "bir dakika lütfen",
    "доступ запрещен",
    "доступ ограничен",
    "вы не робот",
    "проверка безопасности",
    "しばらくお待ちください",
    "잠시만 기다리십시오",
    "安全验证",
    "请稍候",
    "访问被拒绝",
];

/// Whether a page's title, or a part of it, is one of the known ones.
pub(crate) fn is_title(title: &str) -> bool {
    let parts = title.split(['|', '–', '—', '·']).flat_map(|part| part.split(" - "));
    let trimmed = |part: &str| part.trim().trim_end_matches(['.', '…', '!', '?', '？']).trim().to_owned();
    parts.map(trimmed).any(|part| TITLES.contains(&part.as_str()))
}

/// Whether one of the phrases is in the text.
pub(crate) fn says(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_counts_as_a_whole_or_beside_the_name_of_the_site() {
        for title in ["just a moment...", "security check | shop", "acme - access denied", "вы не робот?"]
        {
            assert!(is_title(title), "{title}");
        }
        for title in ["access denied: how courts see it", "captchas explained", "a captcha history", ""] {
            assert!(!is_title(title), "{title}");
        }
    }

    #[test]
    fn all_words_are_in_lower_case() {
        for phrase in [HUMAN, WAIT, REFUSED, TITLES].concat() {
            assert_eq!(phrase, phrase.to_lowercase());
        }
    }
}
