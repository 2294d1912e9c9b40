//! What channels say of a failed delivery, in Chinese; what a service answered stays as it came.

use model::phrasebook::Phrase;

/// Behind the name of the server, and alone.
pub const PHRASES: &[Phrase] = &[
    ("{}: no connection within {}", "{0}：{1} 内未能建立连接"),
    ("{}: no TLS within {}", "{0}：{1} 内未完成 TLS 握手"),
    ("{}: no answer within {}", "{0}：{1} 内无应答"),
    ("{}: not done within {}", "{0}：{1} 内未完成"),
    ("{}: an answer that is not its own: {}", "{0}：不是该服务的应答：{1}"),
    ("{}: TLS: {}", "{0}：TLS：{1}"),
    ("{} is no name of a server", "{0} 不是服务器名称"),
    ("no address of mail", "没有邮件地址"),
    ("no mail: {}", "邮件无法生成：{0}"),
    ("no recipient", "没有收件人"),
    ("nobody to write to", "没有接收人"),
    ("no chat to write to", "没有可发送的会话"),
    ("it is not configured any more", "已不在配置中"),
    ("cannot write {}: {}", "无法写入 {0}：{1:}"),
    ("killed after {} {}", "{0} 后被终止 {1}"),
    ("{} cannot be started: {}", "{0} 无法启动：{1:}"),
    ("exit {}: {}", "退出码 {0}：{1}"),
    ("ended by {}: {}", "被 {0} 终止：{1}"),
    (
        "{}: it offers no STARTTLS; write tls: implicit or, where nobody listens, tls: none",
        "{0}：不支持 STARTTLS；请配置 tls: implicit，或在无人窃听处配置 tls: none",
    ),
];

#[cfg(test)]
mod tests {
    #[test]
    fn no_phrase_loses_a_hole() {
        assert_eq!(model::phrasebook::mistakes(super::PHRASES), [""; 0]);
    }
}
