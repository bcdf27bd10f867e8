#!/usr/bin/perl
# SpamAssassin's Bayes alone, for accuracy_spamassassin.py: one process that learns and scores the files it is told of.
#
#   perl accuracy_spamassassin.pl FOLDER        FOLDER holds the database and nothing else
#
# Each line of standard input is a verb and a file name; each gets one line on standard output:
#   ham FILE, spam FILE    learned: "ok"
#   score FILE             the probability of spam, or "none" where Bayes has no opinion
# No rule runs, nothing is asked of the network, nothing is learned from what is scored.
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

my ($folder) = @ARGV;
my $settings = <<"SETTINGS";
loadplugin Mail::SpamAssassin::Plugin::Bayes
use_bayes 1
bayes_path $folder/bayes
bayes_auto_learn 0
bayes_auto_expire 0
bayes_min_ham_num 1
bayes_min_spam_num 1
lock_method flock
SETTINGS

sub content {
    my ($path) = @_;
    open(my $file, '<:raw', $path) or die "$path: $!\n";
    local $/;
    return scalar <$file>;
}

# What is a top-level domain: the host names of links become words by it.
my $domains = '/usr/share/spamassassin/20_aux_tlds.cf';
$settings .= content($domains) if -r $domains;

my $filter = Mail::SpamAssassin->new({
    config_text => $settings, local_tests_only => 1, dont_copy_prefs => 1,
    userstate_dir => $folder, home_dir_for_helpers => $folder,
});
$filter->init(1);
$filter->init_learner({ caller_will_untie => 1, wait_for_lock => 1 });
my ($bayes) = grep { $_->isa('Mail::SpamAssassin::Plugin::Bayes') } @{ $filter->{plugins}->{plugins} };

sub probability {
    my ($mail) = @_;
    my $status = Mail::SpamAssassin::PerMsgStatus->new($filter, $mail);
    $status->extract_message_metadata();
    my $found = $bayes->scan($status, $mail);
    $status->finish();
    return defined $found ? sprintf('%.17g', $found) : 'none';
}

$| = 1;
while (my $line = <STDIN>) {
    chomp $line;
    my ($verb, $path) = split / /, $line, 2;
    my $mail = $filter->parse(\content($path), 0);
    if ($verb eq 'score') {
        print probability($mail), "\n";
    } else {
        $filter->{bayes_scanner}->learn($verb eq 'spam', $mail);
        print "ok\n";
    }
    $mail->finish();
}
$filter->finish_learner();
