(function(d){
  d.querySelectorAll("[data-shows]").forEach(function(b){
    var field=d.getElementById(b.getAttribute("data-shows")),area=field.tagName==="TEXTAREA",open=false;
    b.hidden=false;
    b.addEventListener("click",function(){
      open=!open;
      if(area)field.classList.toggle("veiled",!open);else field.type=open?"text":"password";
      b.textContent=b.getAttribute(open?"data-hide":"data-show");
      b.setAttribute("aria-pressed",open);
    });
  });
  var sent=null;
  d.addEventListener("submit",function(e){
    if(sent){e.preventDefault();return}
    var b=sent=e.target.querySelector("[type=submit]");
    b.setAttribute("data-was",b.textContent);
    b.setAttribute("aria-busy","true");
    b.textContent=b.getAttribute("data-busy")||b.textContent;
  });
  addEventListener("pageshow",function(){
    if(!sent)return;
    sent.textContent=sent.getAttribute("data-was");
    sent.removeAttribute("aria-busy");
    sent=null;
  });
  var wrong=d.querySelector("[aria-invalid=true]");
  if(wrong)wrong.focus();
})(document);
