//! What the senses say, in Chinese: their sentences as patterns, by the room that says them.
//!
//! A new sentence of a sense that people may read belongs here, too; one that is missing stays
//! English. Remedies that are commands or lines of a file are the same in every language.

use model::phrasebook::Phrase;

/// All of them. The more special stand before the more general.
pub const PHRASES: &[&[Phrase]] = &[
    SIGNALS, SIGHT, AGENTS, CONDITIONS, HTTP, TLS, SOURCES, SCRAPES, ZABBIX, PHASES, DOING, ENDS,
    GENERAL,
];

const SIGNALS: &[Phrase] = &[
    (
        "agent of {} silent, though its application is there: {}",
        "{0} 的 agent 无响应，但应用仍在：{1:}",
    ),
    ("agent of {} silent: {}", "{0} 的 agent 无响应：{1:}"),
    ("agent of {} fails: {}", "{0} 的 agent 应答异常：{1:}"),
    ("application on {} fails at {}", "{0} 上的应用探测失败，{1:}"),
    ("{} is looked at no longer", "{0} 已不再检查"),
    ("{}: the check is no longer made", "{0}：该检查已取消"),
];

const SIGHT: &[Phrase] = &[
    ("no canary answers: {}", "所有参照地址均无响应：{0}"),
    (
        "{} of {} targets on {} hosts fell silent within {} s",
        "{2} 台宿主机上的 {1} 个目标中有 {0} 个在 {3} 秒内同时失去响应",
    ),
    (
        "{} of {} targets on {} hosts, and not one has ever answered",
        "{2} 台宿主机上的 {1} 个目标中有 {0} 个无响应，且从未有目标应答过",
    ),
    ("it sees again", "已恢复采集"),
    (
        "looks begin {} ms late, at intervals of {} ms: the collector cannot keep up; give it fewer targets or a longer interval",
        "采集延迟 {0} 毫秒（间隔 {1} 毫秒）：采集器跟不上，请减少目标或加长间隔",
    ),
    ("could not look: {}", "采集器自身无法探测：{0:}"),
    ("blind: {}", "采集器自身无法探测：{0:}"),
    ("it could not be set up", "未能初始化"),
];

const AGENTS: &[Phrase] = &[
    ("no answer within {}", "{0} 内无应答"),
    (
        "closed without reply (check Server= of the agent)",
        "连接被关闭且无应答（请检查 agent 的 Server= 配置）",
    ),
    ("unreadable answer: {}", "应答无法解析：{0:}"),
    ("an answer of {} bytes, at most {} are accepted", "应答有 {0} 字节，最多接受 {1} 字节"),
    ("an answer of {} bytes, at most {} are read", "应答有 {0} 字节，最多读取 {1} 字节"),
    ("not supported: {}", "不支持：{0}"),
    ("closed without a byte", "对方未发送任何内容就关闭了连接"),
    ("ended within a frame", "数据在中途结束"),
    ("the connection failed", "连接失败"),
];

const CONDITIONS: &[Phrase] = &[
    ("status is {} and leads to {}, want {}", "状态码为 {0}，跳转到 {1}，应为 {2:}"),
    ("status is {}, want {}", "状态码为 {0}，应为 {1:}"),
    ("the body lacks {}", "正文中没有 {0}"),
    ("the body contains {}", "正文中出现了 {0}"),
    ("nothing in the body matches {}", "正文中没有内容匹配 {0}"),
    ("the body begins: {}", "正文开头为：{0}"),
    ("the body is no JSON ({})", "正文不是 JSON（{0}）"),
    ("the body is {}", "正文{0:}"),
    (
        "the answer is longer than {} bytes, so its JSON is not read",
        "应答超过 {0} 字节，未解析其 JSON",
    ),
    (
        "ask for a shorter one, or write body_contains instead of json",
        "请改为请求较短的页面，或用 body_contains 代替 json",
    ),
    ("{} is missing, want {}", "缺少 {0}，应为 {1}"),
    ("{} is missing", "缺少 {0}"),
    ("{} is {}, which is no number, want {}", "{0} 为 {1}，不是数字，应为 {2}"),
    ("{} is {}, want none", "{0} 为 {1}，应不存在"),
    ("the answer is {}, want {}", "应答为 {0}，应为 {1}"),
    ("answers are {}, want {} among them", "应答为 {0}，其中应有 {1}"),
    ("answers are {}, want {}", "应答为 {0}，应为 {1}"),
    ("there is no {} record of {}", "{1} 没有 {0} 记录"),
    ("{} does not answer: {}", "{0} 无应答：{1:}"),
    ("took {}, want below {}", "用时 {0}，应低于 {1}"),
    ("an answer takes {} ms in the mean, want below {}", "平均应答用时 {0} 毫秒，应低于 {1}"),
    ("{} of {} packets are lost, want at most {} %", "{1} 个包丢失 {0} 个，最多允许 {2} %"),
    ("no answer to {} packets, each within {}", "{0} 个包均无应答（各等待 {1}）"),
    ("no answer to {} packet, each within {}", "{0} 个包无应答（等待 {1}）"),
    ("this program may not ping", "本程序没有 ping 的权限"),
    ("as root: {}", "以 root 执行：{0}"),
    ("it says {} before it hangs up, want a match of {}", "对方返回 {0} 后断开，应匹配 {1}"),
    ("it says {}, want a match of {}", "对方返回 {0}，应匹配 {1}"),
    ("the certificate expired {} days ago", "证书已过期 {0} 天"),
    (
        "the certificate holds for {} more days, want more than {}",
        "证书还有 {0} 天到期，应多于 {1} 天",
    ),
    ("and {} more", "另有 {0} 项"),
];

const HTTP: &[Phrase] = &[
    ("closed without a word", "对方未应答就关闭了连接"),
    ("closed in the middle of the head", "响应头未完时连接被关闭"),
    ("the head is longer than {} bytes", "响应头超过 {0} 字节"),
    ("not HTTP: it says {}", "不是 HTTP，对方返回 {0}"),
    ("the port speaks TLS, not plain HTTP", "该端口使用 TLS，不是明文 HTTP"),
    ("a header is malformed: {}", "响应头格式错误：{0}"),
    ("the length of the body is unclear: {}", "正文长度不明：{0}"),
    (
        "closed after {} bytes of the body, of {} announced",
        "正文应有 {1} 字节，收到 {0} 字节后连接被关闭",
    ),
    ("closed in the middle of a chunked body", "分块正文未完时连接被关闭"),
    ("the chunks of the body are malformed", "正文分块格式错误"),
    ("encoded as {}, which was not asked for", "使用了未请求的编码 {0}"),
    ("said to be {}, and is not", "声称编码为 {0}，实际不是"),
    (
        "redirects to {}; the contract wants this page over plain http",
        "跳转到 {0}；约定要求该页面使用明文 http",
    ),
    ("redirects to {}", "跳转到 {0}"),
    ("more than {} redirects, the last to {}", "跳转超过 {0} 次，最后到 {1}"),
    ("leads to {}, which is no page", "跳转到 {0}，不是页面地址"),
    ("status {} without a Location", "状态码 {0}，但没有 Location"),
    ("status {}: {}", "状态码 {0}：{1:}"),
    ("status {}", "状态码 {0}"),
    ("an empty page", "空页面"),
    ("a page of {} bytes without a word that can be read", "页面有 {0} 字节，但没有可读的文字"),
    ("no 200 in the first {} bytes: {}", "前 {0} 字节中没有 200：{1:}"),
    ("no 200 stands alone in the first {} bytes of the page", "页面前 {0} 字节中没有单独的 200"),
    (
        "a 200 in UTF-16, with neither a byte order mark nor a charset",
        "200 为 UTF-16 编码，但没有字节序标记和字符集",
    ),
    (
        "the page is UTF-16, in which many see no 200",
        "页面为 UTF-16 编码，许多程序读不到其中的 200",
    ),
    ("a cache kept the answer for {} s", "应答来自缓存，已缓存 {0} 秒"),
    ("the answer came from a cache ({})", "应答来自缓存（{0}）"),
    ("another address does not answer ({})", "另一个地址无响应（{0}）"),
    ("not healthy over {} ({}: {})", "经 {0} 探测不健康（{1:}：{2:}）"),
    ("{} is no valid name", "{0} 不是有效的域名"),
    ("there is no such name (NXDOMAIN)", "域名不存在（NXDOMAIN）"),
    ("the name has no {}", "该域名没有 {0}"),
    ("the resolver answers {}", "域名服务器返回 {0}"),
    ("the resolver does not answer: {}", "域名服务器无应答：{0:}"),
    ("the resolver gave no answer within {}", "域名服务器在 {0} 内无应答"),
    ("no address", "没有地址"),
    ("no answer", "无应答"),
];

const TLS: &[Phrase] = &[
    ("this machine has no root certificates", "本机没有根证书"),
    ("the CA holds no certificate in PEM form", "CA 文件中没有 PEM 格式的证书"),
    ("install ca-certificates, or write {}", "请安装 ca-certificates，或配置 {0}"),
    ("the certificate expired at {}", "证书已于 {0} 过期"),
    ("the certificate is not valid before {}", "证书在 {0} 之前无效"),
    ("the certificate is self-signed", "证书是自签名的"),
    (
        "the certificate is issued by {}, which is not trusted, or the chain has a gap",
        "证书由 {0} 签发，不受信任，或证书链不完整",
    ),
    ("the certificate is for {}", "证书属于 {0}"),
    ("the certificate is not accepted: {}", "证书未被接受：{0}"),
    ("the certificate cannot be read", "证书无法读取"),
    ("the server wants a client certificate", "服务器要求客户端证书"),
    ("the server does not accept our client certificate: {}", "服务器不接受我们的客户端证书：{0:}"),
    ("give one that is valid, of a CA that it trusts", "请提供由其信任的 CA 签发的有效证书"),
    (
        "write {}, or let the server take clients without one",
        "请配置 {0}，或让服务器接受没有证书的客户端",
    ),
    ("write {} with the certificate of its CA", "请配置 {0}，填入其 CA 的证书"),
    (
        "it was taken for {}; write {} with a name that the certificate is for",
        "我们以 {0} 的名义连接；请配置 {1}，填入证书中的名称",
    ),
    (
        "give the server a certificate of version 3 with its name as subjectAltName",
        "请为服务器换用含 subjectAltName 的第 3 版证书",
    ),
    (
        "write the port on which it does, or remove tls from the file",
        "请填写支持 TLS 的端口，或从文件中去掉 tls",
    ),
    ("it does not speak TLS on this port", "该端口不支持 TLS"),
    ("the server does not speak TLS", "服务器不支持 TLS"),
    ("{} cannot be the name of a TLS server", "{0} 不能作为 TLS 服务器名称"),
    ("{} holds no name of a TLS server", "{0} 中没有 TLS 服务器名称"),
    ("it said more in clear where TLS was to begin", "TLS 开始之前对方又发送了明文"),
];

const SOURCES: &[Phrase] = &[
    ("no {} answer: {}", "不是 {0} 的应答：{1:}"),
    ("it looks like {} ({})", "看起来是 {0}（{1}）"),
    ("it said nothing", "对方没有返回内容"),
    ("it said {}", "对方返回 {0}"),
    ("if its port is for TLS: write {} for it", "如果该端口使用 TLS，请为它配置 {0}"),
    ("let it speak TLS and write {} for it", "请启用其 TLS 并配置 {0}"),
    ("{} is no address", "{0} 不是地址"),
    ("write it as host:port", "请写成 主机:端口"),
    ("a line without end: {}", "有一行没有结尾：{0:}"),
    ("more than {} bytes in one look", "一次读取超过 {0} 字节"),
    ("more than {} lines", "超过 {0} 行"),
    ("more than {} rows", "超过 {0} 行"),
    ("it closed the connection amid an answer; {}", "应答未完时连接被关闭；{0:}"),
    ("it closed the connection", "对方关闭了连接"),
    ("it wants a password", "需要密码"),
    (
        "check user and password: both must be in the file that memcached -Y names",
        "请检查用户名和密码：两者都必须在 memcached -Y 指定的文件中",
    ),
    ("it has no password, and we were given one", "它没有设置密码，而配置中有密码"),
    (
        "remove the password from the file, or set requirepass on the server",
        "请从文件中去掉密码，或在服务器上设置 requirepass",
    ),
    ("check user and password; to make the account: {}", "请检查用户名和密码；建立账号的命令：{0}"),
    ("give user and password; to make the account: {}", "请提供用户名和密码；建立账号的命令：{0}"),
    ("check user and password, or make the account: {}", "请检查用户名和密码，或建立账号：{0}"),
    ("check user and password; {}", "请检查用户名和密码；{0:}"),
    ("on the server: {}, or {}", "在服务器上执行：{0}，或 {1}"),
    ("operation not permitted", "操作不被允许"),
    ("{} is not permitted to us", "我们没有权限执行 {0:}"),
    ("the answer to INFO holds no figures", "INFO 的应答中没有数据"),
    ("the answer to INFO is no text", "INFO 的应答不是文本"),
    (
        "LOADING: it reads its data from disk and serves nobody yet",
        "LOADING：正在从磁盘加载数据，尚不能服务",
    ),
    ("our account lacks {}", "我们的账号缺少 {0} 权限"),
    ("our account is no member of {}", "我们的账号不属于 {0}"),
    ("{}: it refuses its users", "{0}：它拒绝用户连接"),
    ("its login never ends", "登录过程没有结束"),
    ("its nonce is empty", "其随机数为空"),
    ("the password is too long", "密码太长"),
    ("choose one of at most {} bytes", "请改用不超过 {0} 字节的密码"),
    ("the account logs in by {}, which is not supported here", "账号使用 {0} 登录，此处不支持"),
    (
        "the server wants the password itself, and its RSA key cannot be used",
        "服务器要求明文密码，且其 RSA 密钥不可用",
    ),
    (
        "give the server ssl_cert and ssl_key; or remove tls from the file",
        "请为服务器配置 ssl_cert 和 ssl_key，或从文件中去掉 tls",
    ),
    (
        "in postgresql.conf: ssl = on; or remove tls from the file",
        "请在 postgresql.conf 中设置 ssl = on，或从文件中去掉 tls",
    ),
    (
        "in pg_hba.conf: let this account log in by scram-sha-256",
        "请在 pg_hba.conf 中让该账号以 scram-sha-256 登录",
    ),
    ("the server asks for {}, which it does not get", "服务器要求 {0:}，我们不提供"),
    ("the password in clear text", "明文密码"),
    ("a Kerberos or Windows login", "Kerberos 或 Windows 登录"),
    ("its SCRAM proof is wrong: {}", "其 SCRAM 证明有误：{0}"),
    ("name a database that exists", "请填写存在的数据库名"),
];

const SCRAPES: &[Phrase] = &[
    ("the page is longer than {} bytes", "页面超过 {0} 字节"),
    ("the answer is longer than {} bytes", "应答超过 {0} 字节"),
    ("raise the limit of the target, or let it show less", "请调高该目标的上限，或让它减少内容"),
    ("the target answers {}: it does not let us in", "目标返回 {0}：拒绝访问"),
    ("check the user, password or token of the target", "请检查该目标的用户名、密码或令牌"),
    ("the page was cut short: it has no # EOF", "页面不完整：没有 # EOF"),
    ("no sample on the page; {}", "页面上没有采样；{0:}"),
    ("its gzip is broken: {}", "gzip 数据损坏：{0}"),
    ("the content encoding {} was not asked for", "使用了未请求的编码 {0}"),
    ("the service gave no list: {}", "发现服务未返回列表：{0:}"),
    ("the file {} cannot be read", "文件 {0} 无法读取"),
    ("the file {} is no list of targets", "文件 {0} 不是目标列表"),
    ("what was found is no list of targets", "得到的内容不是目标列表"),
    (
        "the last list is {} h old and holds until it is {} h old",
        "最近的列表是 {0} 小时前的，在 {1} 小时内有效",
    ),
    (
        "no list for {} h: what it named is looked at no longer",
        "已有 {0} 小时没有列表：其中的目标不再采集",
    ),
];

const ZABBIX: &[Phrase] = &[
    ("this machine cannot open a connection", "本机无法建立连接"),
    ("the Zabbix API cannot be reached", "无法连接 Zabbix API"),
    ("the Zabbix API did not answer within {}", "Zabbix API 在 {0} 内无应答"),
    ("the Zabbix API answers with HTTP status {}", "Zabbix API 返回 HTTP 状态码 {0}"),
    ("the answer to {} is no JSON: {}", "{0} 的应答不是 JSON：{1}"),
    ("the answer to {} is bigger than {} bytes", "{0} 的应答超过 {1} 字节"),
    ("the answer to {} has an unknown form", "{0} 的应答格式未知"),
    ("the version {} is not supported", "不支持版本 {0}"),
    ("not logged in: {}", "未登录：{0}"),
    ("the login is refused: {}", "登录被拒绝：{0}"),
    ("not permitted: {}", "没有权限：{0}"),
    ("{} is unknown to this server: {}", "该服务器没有 {0} 方法：{1}"),
    ("the export of events cannot be read", "事件导出文件无法读取"),
    (
        "look at this machine: its network, its limit of open files",
        "请检查本机的网络和打开文件数上限",
    ),
    (
        "check that the web server of Zabbix runs, and the URL",
        "请检查 Zabbix 的 Web 服务是否运行，以及 URL 是否正确",
    ),
    (
        "look at the load of the Zabbix web server and its database",
        "请检查 Zabbix Web 服务器及其数据库的负载",
    ),
    ("the URL should end in /api_jsonrpc.php", "URL 应以 /api_jsonrpc.php 结尾"),
    ("look at the error log of the Zabbix web server", "请查看 Zabbix Web 服务器的错误日志"),
    (
        "check the URL; if it is right, raise memory_limit of PHP on the Zabbix web server",
        "请检查 URL；如果无误，请调高 Zabbix Web 服务器上 PHP 的 memory_limit",
    ),
    ("this is asked for in smaller portions by itself", "将自动改为分批请求"),
    (
        "tell us the version of Zabbix: this is not known yet",
        "请告知 Zabbix 的版本：尚未见过这种情况",
    ),
    ("Zabbix 5.0 to 7.x is needed", "需要 Zabbix 5.0 至 7.x"),
    (
        "make a new API token; a web server in between must pass the header Authorization on",
        "请新建 API 令牌；中间的 Web 服务器必须转发 Authorization 头",
    ),
    (
        "correct the user and password; it is tried again by itself",
        "请更正用户名和密码；会自动重试",
    ),
    (
        "give the API user at least read access to the host groups",
        "请给 API 用户至少主机组的读权限",
    ),
    ("allow this API method in the role of the API user", "请在 API 用户的角色中允许此方法"),
    (
        "check ExportDir of the server, and that we may read its files",
        "请检查服务器的 ExportDir，以及我们能否读取其文件",
    ),
    ("the words of the server say why", "原因见服务器的返回内容"),
    ("no rule of kinds fits it; its groups are {}", "没有适用的类型规则；其主机组为 {0}"),
    ("it has a module and no project", "有模块但没有项目"),
];

/// What was being done when something happened, behind a comma.
const DOING: &[Phrase] = &[
    ("{}, resolving its name", "解析域名时：{0:}"),
    ("{}, connecting", "{0:}"),
    ("{}, logging in", "登录时：{0:}"),
    ("{}, asking for TLS", "请求 TLS 时：{0:}"),
    (
        "{}, shaking hands (does it speak TLS on this port?)",
        "TLS 握手时：{0:}（该端口是否支持 TLS？）",
    ),
    ("{}, shaking hands", "TLS 握手时：{0:}"),
    (
        "{}, waiting for its greeting (is this a MySQL port?)",
        "等待问候时：{0:}（是否为 MySQL 端口？）",
    ),
    ("{}, waiting for its greeting", "等待问候时：{0:}"),
    (
        "{}, waiting for its version (is this a Memcached port without TLS?)",
        "等待版本信息时：{0:}（是否为不带 TLS 的 Memcached 端口？）",
    ),
    ("{}, waiting for its version", "等待版本信息时：{0:}"),
    ("{}, waiting for the answer to {}", "等待 {1} 的应答时：{0:}"),
    ("{}, asking who we are", "查询当前账号时：{0:}"),
    ("{}, asking which server it is", "查询服务器身份时：{0:}"),
    ("{}, reading {}", "读取 {1} 时：{0:}"),
];

/// Words of this system's network, which stand in many sentences.
const ENDS: &[Phrase] = &[
    ("no end within {}", "{0} 内未完成"),
    ("Connection refused (os error {})", "连接被拒绝（os error {0}）"),
    ("connection refused", "连接被拒绝"),
    ("refused", "连接被拒绝"),
    ("Connection reset by peer (os error {})", "连接被对方重置（os error {0}）"),
    ("connection reset", "连接被对方重置"),
    ("Connection timed out (os error {})", "连接超时（os error {0}）"),
    ("timed out", "超时"),
    ("No route to host (os error {})", "没有到主机的路由（os error {0}）"),
    ("host unreachable", "主机不可达"),
    ("Network is unreachable (os error {})", "网络不可达（os error {0}）"),
    ("network unreachable", "网络不可达"),
    ("network down", "网络已断开"),
    ("Broken pipe (os error {})", "连接已断开（os error {0}）"),
    ("broken pipe", "连接已断开"),
    ("Too many open files (os error {})", "打开的文件过多（os error {0}）"),
    ("unexpected end of file", "数据意外结束"),
    ("Permission denied (os error {})", "没有权限（os error {0}）"),
    ("permission denied", "没有权限"),
];

/// How far a look came, before its hint.
const PHASES: &[Phrase] = &[
    ("dns: {}", "域名解析：{0:}"),
    ("connect: {}", "连接：{0:}"),
    ("tls: {}", "TLS：{0:}"),
    ("send: {}", "发送：{0:}"),
    ("first byte: {}", "等待首字节：{0:}"),
    ("body: {}", "接收正文：{0:}"),
    ("status: {}", "状态：{0:}"),
    ("content: {}", "内容：{0:}"),
    ("redirect: {}", "跳转：{0:}"),
    ("condition: {}", "条件：{0:}"),
];

/// What fits much, and therefore comes last.
const GENERAL: &[Phrase] = &[
    ("{} fails at {}", "{0} 探测失败，{1:}"),
    ("{} is {}, want {}", "{0} 为 {1}，应为 {2}"),
    ("{} or {}", "{0} 或 {1}"),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::phrasebook::{mistakes, translate};
    use model::verdict::Phase;

    use super::*;
    use crate::passive::AgentError;
    use crate::probe::answer::Broken;
    use crate::probe::content::Unreadable;

    /// A name, a number or a command may stay; a sentence may not.
    #[track_caller]
    fn is_chinese(text: &str) {
        let told = translate(PHRASES, text);
        let words = told.split(|c: char| !c.is_ascii_alphabetic());
        let english = ["the", "is", "of", "no", "not", "with", "within", "and", "a", "it"];
        let left: Vec<&str> = words.filter(|word| english.contains(word)).collect();
        assert!(told != text && left.is_empty(), "{text:?} is {told:?}: {left:?}");
    }

    #[test]
    fn no_phrase_loses_a_hole_and_none_stands_twice() {
        let all: Vec<Phrase> = PHRASES.iter().copied().flatten().copied().collect();
        assert_eq!(mistakes(&all), [""; 0]);
        let mut patterns: Vec<&str> = all.iter().map(|(from, _)| *from).collect();
        let count = patterns.len();
        patterns.sort_unstable();
        patterns.dedup();
        assert_eq!(patterns.len(), count);
    }

    #[test]
    fn what_agents_and_probes_say_is_chinese() {
        let agent = [
            AgentError::Refused(std::io::ErrorKind::ConnectionRefused),
            AgentError::TimedOut(Duration::from_millis(800)),
            AgentError::ClosedWithoutReply,
            AgentError::Rubbish { detail: "x".to_owned() },
            AgentError::TooBig { bytes: 2, limit: 1 },
            AgentError::Unsupported { detail: "x".to_owned() },
        ];
        for error in agent {
            is_chinese(&error.to_string());
            is_chinese(&format!("agent of h1 silent: {error}"));
        }
        let answers = [
            Broken::Silent,
            Broken::HeadCut,
            Broken::HeadTooLong,
            Broken::NotHttp("SSH".to_owned()),
            Broken::SpeaksTls,
            Broken::BadHeader("x".to_owned()),
            Broken::BadLength("x".to_owned()),
            Broken::BodyCut { read: 1, announced: 2 },
            Broken::ChunkedCut,
            Broken::BadChunk,
        ];
        for error in answers {
            is_chinese(&error.to_string());
            is_chinese(&format!("shop.example.com fails at {}: {error}", Phase::FirstByte));
        }
        is_chinese(&Unreadable::UnknownCoding("br".to_owned()).to_string());
        is_chinese(&Unreadable::BadCoding("gzip").to_string());
    }

    #[test]
    fn every_phase_has_its_word() {
        use Phase::{
            Body, Condition, Connect, Content, Dns, FirstByte, Redirect, Send, Status, Tls,
        };
        let phases =
            [Dns, Connect, Tls, Send, FirstByte, Body, Status, Content, Redirect, Condition];
        for phase in phases {
            assert!(
                !translate(PHRASES, &format!("{phase}: x")).contains(&phase.to_string())
                    || phase == Phase::Tls,
                "{phase}"
            );
        }
    }

    #[test]
    fn what_is_said_of_data_sources_is_chinese_but_for_commands() {
        let told = |text| translate(PHRASES, text);
        let text = "our account lacks PROCESS; GRANT PROCESS ON *.* TO 'm'@'%';";
        assert_eq!(told(text), "我们的账号缺少 PROCESS 权限；GRANT PROCESS ON *.* TO 'm'@'%';");
        let text = "connect: Connection refused (os error 111), connecting";
        assert_eq!(told(text), "连接：连接被拒绝（os error 111）");
        let text = "condition: status is 503, want 200 or 204; took 3s, want below 1s";
        assert_eq!(told(text), "条件：状态码为 503，应为 200 或 204；用时 3s，应低于 1s");
        let text =
            "no Redis answer: it looks like TLS (F); if its port is for TLS: write tls: {} for it";
        assert_eq!(
            told(text),
            "不是 Redis 的应答：看起来是 TLS（F）；如果该端口使用 TLS，请为它配置 tls: {}"
        );
        let text = "16 of 20 targets on 4 hosts fell silent within 2 s";
        assert_eq!(told(text), "4 台宿主机上的 20 个目标中有 16 个在 2 秒内同时失去响应");
        assert_eq!(told("ERROR 1040 Too many connections"), "ERROR 1040 Too many connections");
    }
}
